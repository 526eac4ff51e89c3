"""A short training that can be watched and stopped, and a tracker that remembers."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from rnnlab.progress import ProgressLine

SETTINGS = (
    "threads=1",
    "data.train_size=640",
    "data.val_size=64",
    "data.test_size=64",
    "model.embedding.dim=8",
    "model.encoder.hidden=8",
    "model.dropout=0.3",
    "train.batch_size=32",
    "train.epochs=3",
)
STEPS = 60


class Recorder(ProgressLine):
    """Keeps the loss of every update; asks the training to stop after one of them."""

    def __init__(self, stop_after: int | None = None) -> None:
        super().__init__()
        self.losses: dict[int, float] = {}
        self.rates: dict[int, float] = {}
        self.stop_after = stop_after

    def step(self, state: Any, **kwargs: Any) -> None:
        self.losses[state.step] = kwargs["loss"]
        self.rates[state.step] = state.learning_rate
        if state.step == self.stop_after:
            os.kill(os.getpid(), signal.SIGINT)


class Fake:
    """A tracker that is registered as "fake"; what it was told is in its attributes.

    Attributes:
        opened: what each opening was told.
        points: all that was logged.
        statuses: of each closing.
        on: called with "open", "log" and "close" before the tracker does so.
    """

    id = "number 7"

    def __init__(self) -> None:
        self.opened, self.points, self.statuses = [], [], []
        self.on: Callable[[str], None] = lambda moment: None

    def open_tracker(self, options: Any, run: Any) -> Fake:
        self.on("open")
        self.opened.append(run)
        return self

    def log(self, points: Any) -> None:
        self.on("log")
        self.points += points

    def close(self, status: str) -> None:
        self.on("close")
        self.statuses.append(status)
