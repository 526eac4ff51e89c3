"""A progress line on standard error: epoch, loss, tokens per second, time left."""

from __future__ import annotations

import time
from typing import Any

from rnnlab.cli.output import StatusLine, duration, share
from rnnlab.train.state import FitState


class ProgressLine:
    """Watches a training; redraws one line on a terminal, adds a line now and then elsewhere."""

    def __init__(self) -> None:
        self._line = StatusLine()
        self._tokens = 0
        self._started = 0.0
        self._first_step = 0
        self._loss = 0.0

    def prepared(self, data: Any, seconds: float) -> None:
        """Tell what will be trained on."""
        texts = data.train_texts
        lengths = texts.ragged.lengths
        self._line.say(
            f"{len(data.train):,} training and {len(data.val):,} validation texts, "
            f"{len(data.reader.vocabulary):,} words, {lengths.mean():.0f} tokens a text "
            f"({seconds:.1f} s)"
        )

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
        self._line.say(
            f"epoch {row['epoch']:2d}  train {row['train_loss']:.4f} / "
            f"{share(row['train_accuracy'])}  val {row['val_loss']:.4f} / "
            f"{share(row['val_accuracy'])}  {duration(timing['seconds'])}{best}"
        )

    def finished(self, run: Any) -> None:
        """Draw the curves."""
        from rnnlab.plots import plot_curves

        plot_curves(run.path)
