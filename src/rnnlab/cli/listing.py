"""rnnlab list: presets, studies and runs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from rnnlab.cli.output import (
    RUNS,
    Json,
    RunsRoot,
    duration,
    perplexity_text,
    print_json,
    print_table,
    share,
)


class Kind(StrEnum):
    """What can be listed."""

    presets = "presets"
    studies = "studies"
    runs = "runs"


def list_things(
    kind: Annotated[Kind, typer.Argument(help="What to list.")],
    runs: RunsRoot = RUNS,
    as_json: Json = False,
) -> None:
    """List the shipped presets or studies, or the runs in a folder."""
    if kind is Kind.presets:
        from rnnlab.config.load import preset_summaries

        _list_shipped("presets", preset_summaries(), as_json)
    elif kind is Kind.studies:
        from rnnlab.study.loading import study_summaries

        _list_shipped("studies", study_summaries(), as_json)
    else:
        _list_runs(runs, as_json)


def _list_shipped(kind: str, summaries: dict[str, str], as_json: bool) -> None:
    if as_json:
        print_json({kind: [{"name": n, "summary": s} for n, s in summaries.items()]})
        return
    width = max(map(len, summaries))
    for name, summary in summaries.items():
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
    return "" if run["perplexity"] is None else perplexity_text(run["perplexity"])
