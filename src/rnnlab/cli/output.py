"""What verbs share: options that mean the same everywhere, tables, JSON, logging."""

from __future__ import annotations

import json
import logging
import shutil
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from rnnlab.wording import duration, perplexity_text, share

__all__ = [
    "RUNS",
    "Json",
    "Overrides",
    "RunsRoot",
    "duration",
    "perplexity_text",
    "print_json",
    "print_table",
    "program",
    "say",
    "share",
    "start_logging",
]

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
RunsRoot = Annotated[
    Path, typer.Option("--runs", envvar="RNNLAB_RUNS", help="Folder of run directories.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[key=value]...", help="Dotted overrides, as in train.epochs=3."),
]
RUNS = Path("runs")


def start_logging() -> None:
    """Send log lines of the package to standard error."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    logging.getLogger("rnnlab").setLevel(logging.INFO)


def print_json(value: Any) -> None:
    """Print one JSON object."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, left: int = 1, title: str = ""
) -> None:
    """Print a table that fits the terminal; the first `left` columns are text, the rest figures."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=SIMPLE_HEAD,
        title=Text(title) if title else None,
        title_justify="left",
        pad_edge=False,
        title_style="bold",
    )
    for number, name in enumerate(columns):
        if number < left:
            table.add_column(Text(name), justify="left", overflow="fold")
        else:
            table.add_column(Text(name), justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    Console(highlight=False).print(table)


def program() -> str:
    """What the user types for `rnnlab` here: its name, or its path where it is not on PATH."""
    called = Path(sys.argv[0])
    if shutil.which("rnnlab") or called.name != "rnnlab":
        return "rnnlab"
    here = Path.cwd()
    return str(called.relative_to(here) if called.is_relative_to(here) else called)


def say(text: str) -> None:
    """Print a paragraph, wrapped at the terminal's width or at 80 columns."""
    width = min(shutil.get_terminal_size().columns, 80)
    print(textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False))


def between(interval: tuple[float, float]) -> str:
    """The ends of an interval of shares: .8702 to .8914."""
    return f"{share(interval[0])} to {share(interval[1])}"
