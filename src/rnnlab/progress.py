"""A progress line: epoch, loss, tokens per second, time left."""

from __future__ import annotations

import sys
import textwrap
import time
from typing import Any, TextIO

from rnnlab.train.state import FitState
from rnnlab.wording import duration, perplexity_text, share

_TERMINAL_SECONDS = 0.2
_NOTEBOOK_SECONDS = 1.0
_FILE_SECONDS = 15.0


class StatusLine:
    """A line that tells how things stand: redrawn on a terminal and in a notebook, added now and
    then elsewhere.

    Args:
        stream: where it is written; by default standard error.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._redraws, self._every = True, _TERMINAL_SECONDS
        if type(self._stream).__module__.startswith("ipykernel"):  # a notebook
            self._every = _NOTEBOOK_SECONDS
        elif not self._terminal:
            self._redraws, self._every = False, _FILE_SECONDS
        self._shown = time.monotonic()
        self._width = 0

    def due(self) -> bool:
        """Whether it is time to show how things stand; if so, the time begins anew."""
        now = time.monotonic()
        if now - self._shown < self._every:
            return False
        self._shown = now
        return True

    def show(self, line: str) -> None:
        """Show how things stand."""
        if self._redraws:
            self._stream.write(f"{self._erased()}{line}")
            self._stream.flush()
            self._width = len(line)
        else:
            self.say(line)

    def say(self, line: str) -> None:
        """Print a line that stays."""
        self._stream.write(f"{self._erased()}{line}\n")
        self._stream.flush()

    def _erased(self) -> str:
        """What takes away the line that is shown. Notebooks know no escape sequence for that."""
        width, self._width = self._width, 0
        if self._terminal:
            return "\r\x1b[K"
        return f"\r{' ' * width}\r" if width else ""


class ProgressLine:
    """Watches a training.

    Args:
        stream: where it writes; by default standard error.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._line = StatusLine(stream)
        self._tokens = 0
        self._started = 0.0
        self._first_step = 0
        self._loss = 0.0
        self._by_macro_f1 = False

    def prepared(self, data: Any, seconds: float) -> None:
        """Tell what will be trained on, and what is remarkable about it."""
        self._by_macro_f1 = data.metric == "macro_f1"
        self._line.say(f"{data.summary} ({seconds:.1f} s)")
        for note in data.notes:
            self._line.say(textwrap.fill(f"note: {note}", 80, break_long_words=False))

    def step(self, state: FitState, *, batches: int, epochs: int, tokens: int, loss: float) -> None:
        """Show where the training stands."""
        now = time.monotonic()
        if not self._tokens:
            self._started, self._first_step = now, state.step
            self._loss = loss
        self._tokens += tokens
        self._loss += 0.05 * (loss - self._loss)
        if not self._line.due():
            return
        elapsed = max(now - self._started, 1e-9)
        steps_left = (epochs - state.epoch) * batches - state.batch
        left = elapsed / max(state.step - self._first_step, 1) * steps_left
        self._line.show(
            f"epoch {state.epoch + 1}/{epochs}  {state.batch / batches:4.0%}  "
            f"loss {self._loss:.4f}  {self._tokens / elapsed / 1000:,.1f}k tokens/s  "
            f"{duration(left)} left"
        )

    def epoch(self, state: FitState) -> None:
        """Show a finished epoch."""
        row, timing = state.rows[-1], state.timings[-1]
        best = "  best" if state.best_epoch == row["epoch"] else ""
        line = f"epoch {row['epoch']:2d}"
        for part in ("train", "val"):
            if f"{part}_loss" in row:  # there may be no validation part
                line += f"  {part} {row[f'{part}_loss']:.4f} / {_quality(row, part)}"
        if self._by_macro_f1 and "val_macro_f1" in row:
            line += f" / F1 {share(row['val_macro_f1'])}"
        self._line.say(f"{line}  {duration(timing['seconds'])}{best}")

    def finished(self, run: Any) -> None:
        """Draw the curves."""
        from rnnlab.plots.epochs import plot_curves

        plot_curves(run.path)


def _quality(row: dict[str, Any], part: str) -> str:
    """Accuracy, or the perplexity of a language model."""
    if f"{part}_perplexity" in row:
        return perplexity_text(row[f"{part}_perplexity"])
    return share(row[f"{part}_accuracy"])


def titled(title: str) -> ProgressLine:
    """A progress line for one run of several, below its title."""
    print(f"-- {title}", file=sys.stderr)
    return ProgressLine()
