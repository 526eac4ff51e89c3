"""How a study stands, on standard error: a live table on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections import deque
from types import TracebackType
from typing import Any, NamedTuple, TextIO

from rnnlab.study.outcomes import Outcome
from rnnlab.wording import duration, perplexity_text, share

_LINE_SECONDS = 30.0
_ENDED_SHOWN = 8
_ENDED_AS = {"completed": "done", "missing": "stopped"}


class Row(NamedTuple):
    """A run at which a worker is.

    Attributes:
        name: of its directory.
        title: group and level, and the seed.
        progress: as the worker reports it; empty while it reads the data.
        seconds: since it was begun.
    """

    name: str
    title: str
    progress: dict[str, Any]
    seconds: float


class Display:
    """Shows a study; use as a context.

    Args:
        title: of the study.
        stream: where to; by default standard error.
    """

    def __init__(self, title: str, stream: TextIO | None = None) -> None:
        self._title, self._stream = title, stream or sys.stderr
        self._live: Any = None
        self._ended: deque[tuple[str, str, str, str]] = deque(maxlen=_ENDED_SHOWN)
        self._failed = 0
        self._said = time.monotonic()

    def __enter__(self) -> Display:
        if self._stream.isatty():
            from rich.console import Console
            from rich.live import Live

            console = Console(file=self._stream, highlight=False)
            self._live = Live(console=console, auto_refresh=False, transient=True)
            self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.__exit__(kind, error, trace)
            self._live = None

    def say(self, line: str) -> None:
        """Print a line that stays."""
        if self._live is not None:
            from rich.text import Text

            self._live.console.print(Text(line))
        else:
            print(line, file=self._stream, flush=True)

    def ended(self, row: Row, outcome: Outcome, reason: str) -> None:
        """A run has come to an end."""
        if outcome.status == "completed":
            result = _figures(outcome.facts["val"])
        elif outcome.status == "missing":
            result = "stopped; it can go on"
        else:
            self._failed += 1
            result = f"{outcome.status}: {reason or outcome.reason}"
        shown = _ENDED_AS.get(outcome.status, outcome.status)
        self._ended.append((row.title, shown, result, duration(row.seconds)))
        if self._live is None:
            self.say(f"{row.title}: {result} ({duration(row.seconds)})")
        elif outcome.status not in ("completed", "missing"):
            self.say(f"{row.title}: {result}")

    def show(self, rows: list[Row], ended: int, total: int, left: float | None) -> None:
        """Show how it stands: the runs that are at work, and how many have ended."""
        now = time.monotonic()
        head = f"{self._title}: {ended} of {total} runs done, {len(rows)} running"
        head += ", waiting for another runner" if not rows and ended < total else ""
        head += f", {self._failed} failed" if self._failed else ""
        head += f", about {duration(left)} left" if left is not None else ""
        if self._live is not None:
            self._live.update(self._table(head, rows), refresh=True)
        elif now - self._said > _LINE_SECONDS:
            self._said = now
            states = "; ".join(f"{row.title}: {' '.join(_state(row))}" for row in rows)
            self.say(f"{head}{' | ' if states else ''}{states}")

    def _table(self, head: str, rows: list[Row]) -> Any:
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        table = Table(box=SIMPLE_HEAD, title=Text(head), title_justify="left", pad_edge=False)
        table.add_column("run", no_wrap=True, overflow="ellipsis", ratio=1)
        table.add_column("epoch", justify="right", no_wrap=True)
        table.add_column("loss", justify="right", no_wrap=True)
        table.add_column("time", justify="right", no_wrap=True)
        table.expand = True
        for title, status, result, seconds in self._ended:
            table.add_row(Text(title), status, Text(result[:24]), seconds, style="dim")
        for row in rows:
            epoch, loss, left = _state(row)
            table.add_row(Text(row.title), epoch, loss, left)
        return table


def _state(row: Row) -> tuple[str, str, str]:
    progress = row.progress
    if "loss" not in progress:
        return ("begins" if not progress else "1", "", duration(row.seconds))
    return (
        f"{progress['epoch']}/{progress['epochs']}",
        f"{progress['loss']:.4f}",
        f"{duration(progress['left'])} left",
    )


def _figures(val: dict[str, Any]) -> str:
    if "perplexity" in val:
        return f"perplexity {perplexity_text(val['perplexity'])}"
    return f"accuracy {share(val['accuracy'])}"
