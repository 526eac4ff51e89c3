"""Trackers of trainings, one module each.

A module defines

    SUMMARY: str                    one line for the docs
    LIBRARY: rnnlab.extras.Library | None   what it imports beside this package's own libraries
    class Options(rnnlab.options.Options)   one with paths has `portable()`, the same with absolute
                                    ones
    def open_tracker(options, run: TrackedRun) -> Tracker

All of it is called from one thread of its own (`rnnlab.tracking`), so it may be slow, and may
raise: the training goes on without it. It must print nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

Status = Literal["completed", "interrupted", "diverged", "failed"]


@dataclass(frozen=True)
class TrackedRun:
    """What a tracker is told of a run before it starts.

    Attributes:
        name: of the run.
        directory: the run directory; absolute.
        parameters: the resolved config with dotted keys: text, numbers, truth values and None.
        id: what the tracker called the run when it was first told of it; None for a new one.
    """

    name: str
    directory: Path
    parameters: dict[str, Any]
    id: str | None


class Point(NamedTuple):
    """Figures at one moment of a training.

    Attributes:
        step: optimizer updates done.
        kind: 0 for figures of updates, 1 for those of an epoch, 2 for the run's; points come in
            the order of (step, kind).
        seconds: when, since 1970.
        values: by name, as in "val/accuracy".
    """

    step: int
    kind: int
    seconds: float
    values: dict[str, float]


class Tracker(Protocol):
    """An open record of one run.

    Attributes:
        id: by which the tracker finds the run again.
    """

    id: str

    def log(self, points: Sequence[Point]) -> None:
        """Take in points, and keep them safe before returning."""
        ...

    def close(self, status: Status) -> None:
        """The training has ended, or was stopped and may go on later."""
        ...
