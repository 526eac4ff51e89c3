"""rnnlab cv: k-fold cross-validation with out-of-fold predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rnnlab.cli.output import (
    RUNS,
    Json,
    Overrides,
    RunsRoot,
    between,
    print_json,
    print_table,
    say,
    share,
)

if TYPE_CHECKING:
    from rnnlab.crossvalidation import CrossValidation


def cross_validation(
    preset: Annotated[str, typer.Argument(metavar="PRESET|FILE", help="A preset, or a YAML file.")],
    overrides: Overrides = None,
    folds: Annotated[int, typer.Option(min=2, help="How many folds.")] = 5,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Of the cut into folds; by default data.validation.seed."),
    ] = None,
    runs: RunsRoot = RUNS,
    as_json: Json = False,
) -> None:
    """Predict every training text by a model that did not see it. Asked again, it goes on."""
    from rnnlab.cli.output import start_logging
    from rnnlab.config.load import load_config
    from rnnlab.crossvalidation import cross_validate
    from rnnlab.progress import titled

    start_logging()
    cut = [] if seed is None else [f"data.validation.seed={seed}"]
    config = load_config(preset, [*(overrides or []), *cut])
    result = cross_validate(config, folds=folds, runs_root=runs, make_watcher=titled)
    if as_json:
        print_json(result.to_dict())
    else:
        _print(result)


def _print(result: CrossValidation) -> None:
    names = ("accuracy", "macro_f1", "loss")
    rows = [
        [str(fold.fold), f"{fold.examples:,}", *(share(getattr(fold, name)) for name in names)]
        for fold in result.folds
    ]
    rows.append(["mean", "", *(share(result.spread[name].mean) for name in names)])
    rows.append(["deviation", "", *(share(result.spread[name].deviation) for name in names)])
    print_table(["fold", "texts", "accuracy", "macro F1", "loss"], rows)
    whole = result.out_of_fold
    say(
        f"All {whole.examples:,} texts, each predicted by a model that did not see it: accuracy "
        f"{share(whole.accuracy)} ({between(result.accuracy_interval)}), macro F1 "
        f"{share(whole.macro_f1)} ({between(result.macro_f1_interval)}), loss {whole.loss:.4f}."
    )
    drawn = f"whole groups ({result.groups})" if result.groups else "texts"
    say(
        f"The 95 % intervals are over the choice of {drawn}, not of training data or seed. Folds "
        "share training data: their deviation is no standard error."
    )
    if result.last_epoch_accuracy is not None:
        say(
            "Each network kept the epoch that was best on its own fold, which flatters; after the "
            f"last epoch the accuracy was {share(result.last_epoch_accuracy)}."
        )
    print(f"predictions: {result.directory}/predictions.parquet")
