"""The `rnnlab` command: one file per verb; each parses, calls and prints."""

from __future__ import annotations

import sys

import typer

from rnnlab.cli import (
    analyze,
    behaviour,
    bench,
    compare,
    cv,
    data,
    doctor,
    embed,
    ensemble,
    evaluate,
    explain,
    export,
    generate,
    learning_curve,
    listing,
    predict,
    report,
    serve,
    show,
    study,
    suggest,
    train,
    verify,
)
from rnnlab.exceptions import Diverged, Interrupted, UserError

app = typer.Typer(
    name="rnnlab",
    help="The workbench for recurrent text models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.command("list")(listing.list_things)
app.command("doctor")(doctor.doctor)
app.add_typer(data.app, name="data")
app.add_typer(embed.app, name="embed")
app.command("suggest")(suggest.suggest)
app.command("show")(show.show)
app.command("train")(train.train)
app.command("study")(study.study)
app.command("evaluate")(evaluate.evaluate)
app.command("predict")(predict.predict)
app.command("analyze")(analyze.analyze)
app.command("behaviour")(behaviour.behaviour)
app.command("explain")(explain.explain)
app.command("generate")(generate.generate)
app.command("cv")(cv.cross_validation)
app.command("ensemble")(ensemble.ensemble)
app.command("learning-curve")(learning_curve.curve)
app.command("export")(export.export)
app.command("serve")(serve.serve)
app.command("verify")(verify.verify)
app.command("compare")(compare.compare)
app.command("report")(report.report)
app.command("bench")(bench.bench)


def main() -> None:
    """Run the command line.

    Exit codes: 0 done, 1 a check failed, 2 the user can fix it, 130 interrupted.
    """
    try:
        app()
    except UserError as error:
        _stop(2, f"error: {' '.join(str(error).split())}")
    except Diverged as error:
        _stop(1, f"diverged: {error}; try a lower train.optimizer.lr, or train.clip_norm=1")
    except Interrupted as error:
        _stop(130, f"interrupted; go on with: {error}")


def _stop(code: int, message: str) -> None:
    print(message, file=sys.stderr)
    sys.exit(code)
