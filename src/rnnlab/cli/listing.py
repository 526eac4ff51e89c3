"""rnnlab list: presets and runs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from rnnlab.cli.output import RUNS, Json, RunsRoot, duration, print_json, print_table, share


class Kind(StrEnum):
    """What can be listed."""

    presets = "presets"
    runs = "runs"


def list_things(
    kind: Annotated[Kind, typer.Argument(help="What to list.")],
    runs: RunsRoot = RUNS,
    as_json: Json = False,
) -> None:
    """List the shipped presets, or the runs in a folder."""
    if kind is Kind.presets:
        _list_presets(as_json)
    else:
        _list_runs(runs, as_json)


def _list_presets(as_json: bool) -> None:
    from rnnlab.config.load import preset_summaries

    presets = preset_summaries()
    if as_json:
        print_json({"presets": [{"name": n, "summary": s} for n, s in presets.items()]})
        return
    width = max(map(len, presets))
    for name, summary in presets.items():
        print(f"{name:{width}}  {summary}")


def _list_runs(root: Path, as_json: bool) -> None:
    from rnnlab.train.rundir import find_runs

    runs: list[dict[str, Any]] = find_runs(root)
    if as_json:
        print_json({"runs": runs})
        return
    if not runs:
        print(f"no runs in {root}; start one with `rnnlab train PRESET`")
        return
    has_streams = any(run["perplexity"] is not None for run in runs)
    print_table(
        ["run", "val acc", "val F1", *(["val perplexity"] if has_streams else []), "time"],
        [
            [
                Path(run["directory"]).name,
                share(run["accuracy"]),
                share(run["macro_f1"]),
                *([_perplexity(run)] if has_streams else []),
                duration(run["seconds"]) if run["status"] == "completed" else run["status"],
            ]
            for run in runs
        ],
        title=f"runs in {root}/",
    )


def _perplexity(run: dict[str, Any]) -> str:
    return "" if run["perplexity"] is None else f"{run['perplexity']:.2f}"
