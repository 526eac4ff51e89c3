"""rnnlab learning-curve: would more data help?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rnnlab.cli.output import RUNS, Json, Overrides, RunsRoot, print_json, print_table, say, share
from rnnlab.exceptions import UserError

if TYPE_CHECKING:
    from rnnlab.learning_curve import LearningCurve


def curve(
    preset: Annotated[str, typer.Argument(metavar="PRESET|FILE", help="A preset, or a YAML file.")],
    overrides: Overrides = None,
    sizes: Annotated[
        str, typer.Option(help="Shares of the training data, at least three.")
    ] = "0.1,0.2,0.5,1",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each size.")] = 3,
    runs: RunsRoot = RUNS,
    as_json: Json = False,
) -> None:
    """Train on growing parts of the data: would more help? Asked again, it goes on."""
    from rnnlab.cli.output import start_logging
    from rnnlab.config.load import load_config
    from rnnlab.learning_curve import learning_curve
    from rnnlab.progress import titled

    start_logging()
    result = learning_curve(
        load_config(preset, overrides or []),
        sizes=_numbers(sizes),
        seeds=seeds,
        runs_root=runs,
        make_watcher=titled,
    )
    if as_json:
        print_json(result.to_dict())
    else:
        _print(result)


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise UserError(f"--sizes {text}: not numbers with commas, as in 0.1,0.3,1") from error


def _print(result: LearningCurve) -> None:
    print_table(
        ["of the data", "texts", "runs", "accuracy", "±", "loss", "±"],
        [
            [
                f"{100 * size.fraction:g} %",
                f"{size.examples:,.0f}",
                size.runs,
                share(size.accuracy),
                share(size.accuracy_deviation),
                f"{size.loss:.4f}",
                share(size.loss_deviation),
            ]
            for size in result.sizes
        ],
        title=f"{result.validation_examples:,} texts of validation; ±: deviation over seeds",
    )
    say(result.verdict.statement)
    if result.verdict.points is not None:
        say(
            "By runs on this validation part; the interval covers seeds, the choice of the texts "
            "and the curve's unknown shape, not another validation part."
        )
    print(f"plot: {result.plot}")
