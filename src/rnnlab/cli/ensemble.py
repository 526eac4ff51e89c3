"""rnnlab ensemble: several finished runs that answer as one."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnlab.cli.output import RUNS, Json, RunsRoot, print_json, print_table, program, say, share

if TYPE_CHECKING:
    from rnnlab.ensembling import EnsembleResult, Score


class Weights(StrEnum):
    """How the members are weighed."""

    fitted = "fitted"
    equal = "equal"


def ensemble(
    members: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Two runs or more.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Its directory; chosen by content if left out.")
    ] = None,
    weights: Annotated[
        Weights, typer.Option(help="Fitted to validation, or all the same.")
    ] = Weights.fitted,
    runs: RunsRoot = RUNS,
    as_json: Json = False,
) -> None:
    """Average finished runs on the same data. evaluate and predict take the result like a run."""
    from rnnlab.ensembling import make_ensemble

    fitted = weights is Weights.fitted
    result = make_ensemble(members, fitted=fitted, runs_root=runs, out=out)
    if as_json:
        print_json(result.to_dict())
    else:
        _print(result)


def _print(result: EnsembleResult) -> None:
    def figures(score: Score) -> list[str]:
        return [share(score.accuracy), share(score.macro_f1), f"{score.loss:.4f}"]

    rows = [
        [Path(member.run).name, share(member.fitted_weight), *figures(member.score)]
        for member in result.members
    ]
    rows += [
        ["equal weights", "", *figures(result.equal)],
        ["fitted weights", "", *figures(result.fitted)],
        ["fitted, crosswise", "", *figures(result.cross_fitted)],
    ]
    print_table(
        ["run", "weight", "accuracy", "macro F1", "loss"],
        rows,
        title=f"{result.examples:,} texts of validation",
    )
    say(
        "The fitted weights come from the rows that they are scored on, which flatters: "
        "crosswise, each half of the rows is scored with the weights of the other half (mean of "
        "ten halvings). What was chosen on these rows before (epochs, settings) flatters all "
        "figures here."
    )
    if result.weighting == "fitted" and result.cross_fitted.loss >= result.equal.loss:
        say("Crosswise, fitting is no better than the plain mean here: consider --weights equal.")
    print(f"ensemble ({result.weighting} weights): {result.directory}")
    print(f"next: {program()} evaluate {result.directory} --split test")
