"""The only place that turns a config into objects. What differs from task to task is in a module
for each; see `tasks`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rnnlab.compose.classification import (
    Prepared,
    class_weights,
    score,
    warn_of_unknown,
)
from rnnlab.compose.data import open_dataset
from rnnlab.compose.network import Finish, Metrics, Trained
from rnnlab.compose.resources import portable, resolve_device, with_resources
from rnnlab.compose.tasks import task_of
from rnnlab.config.schema import Config
from rnnlab.data.dataset import Dataset
from rnnlab.selection import check_task
from rnnlab.train.rundir import RunDirectory
from rnnlab.train.state import Watcher

__all__ = [
    "Finish",
    "Metrics",
    "Prepared",
    "Trained",
    "class_weights",
    "dataset_of",
    "finish",
    "portable",
    "prepare",
    "resolve_device",
    "score",
    "task_of",
    "train",
    "warn_of_unknown",
    "with_resources",
]


def dataset_of(config: Config, learned: bytes | None = None) -> Dataset:
    """Open the data set that a config names.

    Args:
        config: of the run.
        learned: what its tokenizer learned when its model was trained; None before that.

    Raises:
        UserError: the source cannot be opened, or the task cannot follow the config.
    """
    check_task(config)
    return open_dataset(config, learned)


def prepare(config: Config, dataset: Any) -> Any:
    """Read the data that a model learns from: a `Prepared` of its task.

    Raises:
        UserError: the data is malformed, or a part lacks what the task needs.
    """
    return task_of(config).prepare(config, dataset)


def train(
    config: Config,
    prepared: Any,
    run: RunDirectory,
    watcher: Watcher,
    stop_requested: Callable[[], bool],
) -> Trained:
    """Train or fit the model of a config.

    Raises:
        Interrupted, Diverged: see `rnnlab.train.fit`.
    """
    return task_of(config).train(config, prepared, run, watcher, stop_requested)


def finish(config: Config, prepared: Any, trained: Trained, run: RunDirectory) -> Finish:
    """Score a trained model on the validation part; keep it, and what it answers, in the run."""
    return task_of(config).finish(prepared, trained, run)
