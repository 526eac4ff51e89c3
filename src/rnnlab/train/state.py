"""Where a training stands, and who looks on. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from rnnlab.train.rundir import RunDirectory


@dataclass
class FitState:
    """Where a training stands; JSON values only.

    Attributes:
        step: optimizer updates done.
        epoch: epochs finished.
        batch: batches done in the epoch under way.
        sums: of that epoch, as the task's feed gives them: nats, targets, and others; empty before
            its first batch.
        rows: one per finished epoch, as in epochs.csv.
        timings: one per finished epoch, as in timings.csv.
        loss_scale: of half precision: the factor, and updates since it changed.
        averaged: iterates in an average that began during the training; 0 before.
        best_epoch: finished epoch (from 1) with the best validation metric so far; 0 for none.
        epoch_seconds: spent in the epoch under way.
        seconds: spent in all, validation included.
        cpu_seconds: of the processor, in all threads, spent in all.
        learning_rate: of the last update.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    sums: list[float] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    timings: list[dict[str, Any]] = field(default_factory=list)
    loss_scale: list[float] = field(default_factory=list)
    averaged: int = 0
    best_epoch: int = 0
    epoch_seconds: float = 0.0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    learning_rate: float = 0.0


class Watcher(Protocol):
    """Who looks on: a progress line, a test, a tracker."""

    def prepared(self, data: Any, seconds: float) -> None:
        """The data is ready, after `seconds`; `data` is what `rnnlab.compose.prepare` returned."""
        ...

    def step(self, state: FitState, *, batches: int, epochs: int, tokens: int, loss: float) -> None:
        """An update was done; `batches` in this epoch, `tokens` real tokens in the batch."""
        ...

    def epoch(self, state: FitState) -> None:
        """An epoch is finished; its row is the last of `state.rows`."""
        ...

    def finished(self, run: RunDirectory) -> None:
        """The run is complete and recorded."""
        ...
