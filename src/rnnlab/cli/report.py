"""rnnlab report: a page about a run or a study, and its plots."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from rnnlab.cli.output import Json, print_json, say


def report(
    path: Annotated[Path, typer.Argument(metavar="STUDY|RUN", help="Directory, or study's name.")],
    as_json: Json = False,
) -> None:
    """Write report.html, one page that needs nothing else, and plots as PNG and SVG."""
    from rnnlab.report.page import write_report

    written = write_report(path)
    if as_json:
        print_json(asdict(written))
        return
    for line in written.headline:
        say(line)
    print(f"page: {written.page}")
    if written.plots:
        print(f"plots: {Path(written.plots[0]).parent}/ ({len(written.plots)} files)")
