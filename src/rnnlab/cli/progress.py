"""A progress line on standard error: epoch, loss, tokens per second, time left."""

from __future__ import annotations

import sys
import textwrap
import time
from typing import Any

from rnnlab.cli.output import duration, share
from rnnlab.train.state import FitState

_TERMINAL_SECONDS = 0.2
_FILE_SECONDS = 15.0


class ProgressLine:
    """Watches a training; redraws one line on a terminal, adds a line now and then elsewhere."""

    def __init__(self) -> None:
        self.terminal = sys.stderr.isatty()
        self._shown = time.monotonic()
        self._tokens = 0
        self._started = 0.0
        self._first_step = 0
        self._loss = 0.0
        self._by_macro_f1 = False

    def prepared(self, data: Any, seconds: float) -> None:
        """Tell what will be trained on, and what is remarkable about it."""
        self._by_macro_f1 = data.metric == "macro_f1"
        texts = data.train_texts
        lengths = texts.ragged.lengths
        self._say(
            f"{len(data.train):,} training and {len(data.val):,} validation texts, "
            f"{len(data.reader.vocabulary):,} words, {lengths.mean():.0f} tokens a text "
            f"({seconds:.1f} s)"
        )
        for note in data.notes:
            self._say(textwrap.fill(f"note: {note}", 80, break_long_words=False))

    def step(self, state: FitState, *, batches: int, epochs: int, tokens: int, loss: float) -> None:
        """Show where the training stands."""
        now = time.monotonic()
        if not self._tokens:
            self._started, self._first_step = now, state.step
            self._loss = loss
        self._tokens += tokens
        self._loss += 0.05 * (loss - self._loss)
        if now - self._shown < (_TERMINAL_SECONDS if self.terminal else _FILE_SECONDS):
            return
        self._shown = now
        elapsed = max(now - self._started, 1e-9)
        steps_left = (epochs - state.epoch) * batches - state.batch
        left = elapsed / max(state.step - self._first_step, 1) * steps_left
        line = (
            f"epoch {state.epoch + 1}/{epochs}  {state.batch / batches:4.0%}  "
            f"loss {self._loss:.4f}  {self._tokens / elapsed / 1000:,.1f}k tokens/s  "
            f"{duration(left)} left"
        )
        if self.terminal:
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()
        else:
            self._say(line)

    def epoch(self, state: FitState) -> None:
        """Show a finished epoch."""
        row, timing = state.rows[-1], state.timings[-1]
        best = "  best" if state.best_epoch == row["epoch"] else ""
        f1 = f" / F1 {share(row['val_macro_f1'])}" if self._by_macro_f1 else ""
        self._say(
            f"epoch {row['epoch']:2d}  train {row['train_loss']:.4f} / "
            f"{share(row['train_accuracy'])}  val {row['val_loss']:.4f} / "
            f"{share(row['val_accuracy'])}{f1}  {duration(timing['seconds'])}{best}"
        )

    def finished(self, run: Any) -> None:
        """Draw the curves."""
        from rnnlab.plots import plot_curves

        plot_curves(run.path)

    def _say(self, line: str) -> None:
        sys.stderr.write(f"\r\x1b[K{line}\n" if self.terminal else f"{line}\n")
        sys.stderr.flush()
