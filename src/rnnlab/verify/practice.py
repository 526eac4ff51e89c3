"""Short trainings on part of the data, by the code that `rnnlab train` runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from rnnlab import compose
from rnnlab.config.schema import Config
from rnnlab.data.streams import Stream
from rnnlab.exceptions import Interrupted
from rnnlab.train.rundir import RunDirectory
from rnnlab.train.state import FitState
from rnnlab.verify.reduction import for_practice

_TRAIN_TEXTS, _VAL_TEXTS = 157, 40  # the last batch of 16 is smaller than the others
_TRAIN_TOKENS, _VAL_TOKENS = 495, 200


class _StopsAfter:
    """Looks on, and is the user who interrupts."""

    def __init__(self, updates: int | None) -> None:
        self.updates, self.done = updates, 0

    def prepared(self, data: Any, seconds: float) -> None:
        """Nothing."""

    def step(self, state: FitState, **facts: Any) -> None:
        """Count."""
        self.done += 1

    def epoch(self, state: FitState) -> None:
        """Nothing."""

    def finished(self, run: RunDirectory) -> None:
        """Nothing."""

    def stop_requested(self) -> bool:
        """Whether the user has had enough."""
        return self.updates is not None and self.done >= self.updates


def part_of(prepared: Any) -> Any:
    """The same data, less of it."""
    if isinstance(prepared.train, Stream):
        return replace(
            prepared,
            train=_shorter(prepared.train, _TRAIN_TOKENS),
            val=_shorter(prepared.val, _VAL_TOKENS),
        )
    generator = np.random.default_rng(0)
    changes = {}
    for name, count in (("train", _TRAIN_TEXTS), ("val", _VAL_TEXTS)):
        split, texts = getattr(prepared, name), getattr(prepared, f"{name}_texts")
        rows = np.sort(generator.permutation(len(split))[:count])
        changes[name] = split.select(rows)
        changes[f"{name}_texts"] = replace(texts, ragged=texts.ragged.select(rows))
    return replace(prepared, **changes)


def _shorter(stream: Stream, tokens: int) -> Stream:
    kept = stream.tokens[:tokens]
    return Stream(kept, texts=int(np.count_nonzero(kept == 0)), alien=0)


def train(
    config: Config, prepared: Any, run: RunDirectory, *, stop_after: int | None
) -> compose.Trained | None:
    """Train in a run directory, going on from its last checkpoint; None where interrupted."""
    watcher = _StopsAfter(stop_after)
    try:
        return compose.train(for_practice(config), prepared, run, watcher, watcher.stop_requested)
    except Interrupted:
        return None
