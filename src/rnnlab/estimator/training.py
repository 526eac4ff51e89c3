"""Train on texts in memory, in a folder that is gone afterwards."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab import compose
from rnnlab.config.schema import Config
from rnnlab.data.memory import MemoryDataset
from rnnlab.environment import use_threads
from rnnlab.predictor import Predictor
from rnnlab.train.rundir import RunDirectory
from rnnlab.train.state import FitState, Watcher


@dataclass(frozen=True)
class Outcome:
    """What a training in memory gives.

    Attributes:
        predictor: the model at its best epoch.
        history: a row an epoch, as in epochs.csv.
        best_epoch: from 1; 0 for a model without epochs.
        interrupted: the user stopped it after some epochs.
    """

    predictor: Predictor
    history: list[dict[str, Any]]
    best_epoch: int
    interrupted: bool


def train_texts(
    config: Config,
    texts: list[str],
    numbers: npt.NDArray[np.int64],
    labels: tuple[str, ...],
    *,
    watcher: Watcher | None,
) -> Outcome:
    """Train the model of a config. The process's torch threads and random state stay as they were.

    Args:
        config: of the whole training; its source is not opened.
        texts: to train and validate on.
        numbers: index into `labels` for each, int64[n].
        labels: names in index order.
        watcher: is told how it goes.

    Raises:
        UserError, Diverged: see `rnnlab.compose.prepare` and `rnnlab.compose.train`.
        KeyboardInterrupt: the user stopped it before an epoch was finished.
    """
    started = time.monotonic()
    cut = config.data.validation
    tokenizer = config.data.tokenizer
    dataset = MemoryDataset(texts, numbers, labels, tokenizer, fraction=cut.fraction, seed=cut.seed)
    prepared = compose.prepare(config, dataset)
    epochs = _Epochs(watcher)
    epochs.prepared(prepared, time.monotonic() - started)
    interrupted = False
    with _resources(config) as resolved, tempfile.TemporaryDirectory(prefix="rnnlab-") as folder:
        run = RunDirectory(Path(folder))
        try:
            trained = compose.train(resolved, prepared, run, epochs, _never)
        except KeyboardInterrupt:
            if not epochs.rows:
                raise
            # a training that has as many epochs as are finished only picks the best of them
            settings = config.train.model_copy(update={"epochs": len(epochs.rows)})
            shorter = resolved.model_copy(update={"train": settings})
            trained = compose.train(shorter, prepared, run, epochs, _never)
            interrupted = True
    return Outcome(trained.predictor, epochs.rows, trained.facts.get("best_epoch", 0), interrupted)


@contextmanager
def _resources(config: Config) -> Iterator[Config]:
    """The config with the threads and the device that it runs on; torch is as before afterwards."""
    if not config.model.module.TRAINED:
        yield config
        return
    import torch

    device = compose.resolve_device(config.device)
    threads = torch.get_num_threads()
    use_threads(config.threads or threads)
    try:
        with torch.random.fork_rng([device] if device != "cpu" else []):
            yield compose.with_resources(config, config.threads or threads, device)
    finally:
        torch.set_num_threads(threads)


def _never() -> bool:
    return False


class _Epochs:
    """Keeps the rows of the finished epochs, and tells them on.

    Args:
        watcher: who else looks on.
    """

    def __init__(self, watcher: Watcher | None) -> None:
        self.rows: list[dict[str, Any]] = []
        self._watcher = watcher

    def prepared(self, data: Any, seconds: float) -> None:
        """See `rnnlab.train.state.Watcher`."""
        if self._watcher is not None:
            self._watcher.prepared(data, seconds)

    def step(self, state: FitState, **facts: Any) -> None:
        """See `rnnlab.train.state.Watcher`."""
        if self._watcher is not None:
            self._watcher.step(state, **facts)

    def epoch(self, state: FitState) -> None:
        """See `rnnlab.train.state.Watcher`."""
        self.rows = list(state.rows)
        if self._watcher is not None:
            self._watcher.epoch(state)

    def finished(self, run: RunDirectory) -> None:
        """Nothing is left of the run."""
