"""rnnlab show: the resolved config, parameters per layer, what an epoch costs; a run's words."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Annotated

import typer

from rnnlab.cli.output import Json, Overrides, print_json, print_table
from rnnlab.exceptions import UserError

_LABELS_PER_TABLE = 3


def show(
    preset: Annotated[str, typer.Argument(metavar="PRESET|FILE|RUN")],
    overrides: Overrides = None,
    words: Annotated[
        int | None,
        typer.Option("--words", metavar="N", min=1, help="Of a linear RUN: N words per label."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show a resolved config and its parameters, without data; or the word weights of a run."""
    from rnnlab.config.load import dump_config, load_config
    from rnnlab.describe import describe, recorded_config

    run = Path(preset)
    is_run = (run / "run.json").is_file()
    if overrides and (is_run or words is not None):
        raise UserError(f"a run is shown as it is; leave out {overrides[0]}")
    if words is not None:
        _show_words(run, words, as_json)
        return
    config = recorded_config(run) if is_run else load_config(preset, overrides or [])
    facts = describe(config)
    if as_json:
        print_json({"config": config.model_dump(mode="json"), **facts})
        return
    print(dump_config(config), end="")
    parameters = facts["parameters"]
    if parameters is None:
        print("\nparameters: as many as the data has features; run.json tells of a finished run")
        return
    print_table(
        ["layer", "shape", "parameters", "textbook"],
        [
            [
                layer["name"] + (f", tied to {layer['tied']}" if "tied" in layer else ""),
                " × ".join(map(str, layer["shape"])),
                f"{layer['count']:,}",
                f"{layer['textbook']:,}" if "textbook" in layer else "",
            ]
            for layer in parameters["layers"]
        ],
        left=2,
    )
    print(f"total {parameters['total']:,}, trainable {parameters['trainable']:,}")
    recorded = facts["recorded"]
    classes = f" and {recorded['classes']} classes" if "classes" in recorded else ""
    print(
        f"for {recorded['vocabulary']:,} words{classes} "
        f"({recorded['origin']}); textbook counts one bias vector per gate, torch has two"
    )
    print(
        f"cost: {facts['cost']['training_flops_per_token']:,} floating-point operations per "
        "training token"
    )


def _show_words(run: Path, count: int, as_json: bool) -> None:
    from rnnlab.ensemble import EnsemblePredictor
    from rnnlab.evaluation import load_model

    model = load_model(run)
    if isinstance(model, EnsemblePredictor):
        raise UserError(f"{run} is an ensemble: name one of its members")
    words = model.top_words(count)
    if as_json:
        listed = {
            label: [{"term": term, "weight": weight} for term, weight in pairs]
            for label, pairs in words.items()
        }
        print_json({"run": str(run), "words": listed})
        return
    labels = list(words)
    for first in range(0, len(labels), _LABELS_PER_TABLE):
        shown = labels[first : first + _LABELS_PER_TABLE]
        columns = [_column(words[label]) for label in shown]
        rows = list(itertools.zip_longest(*columns, fillvalue=""))
        print_table(shown, rows, left=len(shown))


def _column(pairs: list[tuple[str, float]]) -> list[str]:
    """Weights, point below point, each with its word."""
    figures = [f"{weight:.3f}" for _, weight in pairs]
    width = max(map(len, figures), default=0)
    return [f"{figure:>{width}} {term}" for figure, (term, _) in zip(figures, pairs, strict=True)]
