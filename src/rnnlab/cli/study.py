"""rnnlab study: many runs from one file."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnnlab.cli.output import (
    Json,
    Overrides,
    duration,
    perplexity_text,
    print_json,
    print_table,
    program,
    say,
    share,
)
from rnnlab.exceptions import Interrupted, UserError

if TYPE_CHECKING:
    from rnnlab.study.directory import StudyDirectory
    from rnnlab.study.expansion import Expansion
    from rnnlab.study.plan import Plan
    from rnnlab.study.runner import Summary

STUDIES = Path("studies")


def study(
    name: Annotated[
        str, typer.Argument(metavar="STUDY|FILE", help="A study, a YAML file, or its directory.")
    ],
    overrides: Overrides = None,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", help="Study directory; by default studies/NAME.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="GROUP", help="This group alone; again.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Training examples, for a small pass.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the distinct runs and their times; run none.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Runs at a time; by default one a core.")
    ] = None,
    retries: Annotated[
        int, typer.Option("--retries", min=0, help="Further tries of a run whose process died.")
    ] = 2,
    report: Annotated[
        bool, typer.Option("--report", help="Write report.html and plots when done.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train the runs of a study that are missing. Asked again, it goes on."""
    from rnnlab.cli.output import start_logging
    from rnnlab.compare.results import read_results
    from rnnlab.study.expansion import Expansion
    from rnnlab.study.loading import load_design

    start_logging()
    if out is None and (Path(name) / "study.yaml").is_file():
        out = Path(name)
    design = load_design(name, overrides, limit)
    expansion = Expansion(design)
    plan = expansion.plan()
    for group in only or []:
        if group not in design.group_names:
            from rnnlab.options import nearest

            raise UserError(f"--only {group}: no such group{nearest(group, design.group_names)}")
    path = out or STUDIES / design.name
    if dry_run:
        _dry_run(plan, path, only, workers, as_json)
        return
    directory, summary, plan = _run(expansion, path, only, workers, retries)
    departures = read_results(path).changed.in_words()
    page = None
    if report:
        from rnnlab.report.page import write_report

        page = str(write_report(path).page)
    if as_json:
        print_json(
            {
                "study": design.name,
                "directory": str(path),
                "runs": summary.runs,
                "completed": len(summary.completed),
                "skipped": len(summary.skipped),
                "failed": len(summary.failed),
                "diverged": len(summary.diverged),
                "reasons": {**summary.failed, **summary.diverged},
                "departures": departures,
                "report": page,
            }
        )
    else:
        _print(directory, summary, plan, departures, page)
    if summary.failed:
        raise typer.Exit(1)


def _run(
    expansion: Expansion, path: Path, only: list[str] | None, workers: int | None, retries: int
) -> tuple[StudyDirectory, Summary, Plan]:
    from rnnlab.study.directory import StudyDirectory
    from rnnlab.study.display import Display
    from rnnlab.study.resources import share_out
    from rnnlab.study.runner import RunSettings, Stopped, StudyRunner

    directory, changes = StudyDirectory.open(path, expansion.design)
    if changes and directory.has_runs():
        print(f"note: the design has changed since runs were trained in {path}:", file=sys.stderr)
        for change in changes:
            print(f"  {change}", file=sys.stderr)
        print("  finished runs are kept, and used where they still belong", file=sys.stderr)
    resources = share_out(expansion.plan().trials(only), workers)
    settings = RunSettings(resources.workers, retries, only, resources.devices)
    runner = StudyRunner(expansion, directory, settings, Display(expansion.design.name))
    try:
        summary = runner.run()
    except Stopped:
        raise Interrupted(shlex.join(["rnnlab", *sys.argv[1:]])) from None
    return directory, summary, runner.plan


def _dry_run(
    plan: Plan, path: Path, only: list[str] | None, workers: int | None, as_json: bool
) -> None:
    from rnnlab.study.directory import StudyDirectory
    from rnnlab.study.estimate import estimated_seconds
    from rnnlab.study.resources import share_out

    trials, directory = plan.trials(only), StudyDirectory(path)
    outcomes = {trial.name: directory.outcome(trial) for trial in trials}
    test = plan.design.test
    pending = [trial for trial in trials if not outcomes[trial.name].is_done(test=test)]

    def complain(line: str) -> None:
        print(line, file=sys.stderr)

    seconds = estimated_seconds(trials, outcomes, complain)
    known = [seconds[trial.name] for trial in pending]
    at_a_time = share_out(trials, workers).workers
    total = None if None in known else sum(s or 0 for s in known) / at_a_time
    rows = [
        {
            "run": trial.name,
            "title": plan.title(trial),
            "levels": plan.places(trial),
            "status": outcomes[trial.name].status,
            "seconds": seconds[trial.name],
        }
        for trial in trials
    ]
    if as_json:
        print_json(
            {
                "study": plan.design.name,
                "directory": str(path),
                "runs": len(trials),
                "pending": len(pending),
                "workers": at_a_time,
                "seconds": total,
                "trials": rows,
            }
        )
        return
    print_table(
        ["first of its levels", "levels", "status", "time"],
        [
            [
                row["title"],
                len(row["levels"]),
                "" if row["status"] == "missing" else row["status"],
                "?" if row["seconds"] is None else duration(row["seconds"]),
            ]
            for row in rows
        ],
        title=f"{plan.design.name}: {len(trials)} distinct runs",
    )
    if plan.design.then is not None and not plan.groups[-1].levels:
        say("Then the best levels are combined: a run a seed more, unless it is one of these.")
    if pending:
        time = "unknown" if total is None else f"about {duration(total)}"
        say(
            f"{len(pending)} to run, {at_a_time} at a time: {time}, as measured just now; models "
            "that stop early need less."
        )


def _print(
    directory: StudyDirectory,
    summary: Summary,
    plan: Plan,
    departures: list[str],
    page: str | None,
) -> None:
    from rnnlab.study.summary import level_rows

    quality = plan.metric.replace("_", " ")
    for group in plan.groups:
        rows = level_rows(plan, group, directory)
        if not rows:
            continue
        print()
        names = ["", f"val {quality}", "±", "test", "reported", "runs", "time"]
        cells = [_cells(row, plan) for row in rows]
        filled = [n for n, column in enumerate(zip(*cells, strict=True)) if any(column)]
        print_table(
            [names[n] for n in filled],
            [[row[n] for n in filled] for row in cells],
            title=group.title,
        )
    if plan.design.description:
        say(plan.design.description)
    if departures:
        say(f"Not the study as its file has it: {'; '.join(departures)}.")
    counts = f"{len(summary.completed)} runs done, {len(summary.skipped)} were done already"
    for name, reasons in (("failed", summary.failed), ("diverged", summary.diverged)):
        if reasons:
            counts += f", {len(reasons)} {name}"
    print()
    say(f"{counts}; in {directory.path}/: results.json, metrics.csv, long.csv, runs/")
    for name, reason in {**summary.failed, **summary.diverged}.items():
        say(f"{name}: {reason}")
    if page is not None:
        print(f"page: {page}")
    print(f"next: {program()} compare {directory.path}")
    if page is None:
        print(f"      {program()} report {directory.path}")


def _cells(row: Any, plan: Plan) -> list[str]:
    def shown(value: float | None) -> str:
        if value is None:
            return ""
        return perplexity_text(value) if plan.metric == "perplexity" else share(value)

    return [
        f"{row.label}{' *' if row.is_base else ''}",
        shown(row.mean),
        shown(row.deviation),
        shown(row.test),
        shown(row.reported),
        row.runs,
        "" if row.seconds is None else duration(row.seconds),
    ]
