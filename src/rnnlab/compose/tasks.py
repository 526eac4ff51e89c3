"""The tasks that a model can have.

Each is a module that defines

    prepare(config, dataset)      read the data; the result has `metric`, `summary`, `notes`,
                                  `reader` and `facts()`
    train(config, prepared, run, watcher, stop_requested) -> Trained
    finish(prepared, trained, run)       score and save the model; a `Finish`
"""

from __future__ import annotations

from types import ModuleType

from rnnlab.compose import classification, language_modeling
from rnnlab.config.schema import Config

_TASKS = {"classification": classification, "language_modeling": language_modeling}


def task_of(config: Config) -> ModuleType:
    """The task of a config's model."""
    return _TASKS[config.model.module.TASK]
