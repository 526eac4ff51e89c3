"""A config made small: what its proofs need of it stays, what only costs time goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rnnlab.config.load import parse_config
from rnnlab.config.schema import Config
from rnnlab.data.vocabulary import SPECIAL
from rnnlab.exceptions import UserError
from rnnlab.verify.standin import is_absent, stand_in

QUICK_HIDDEN = 32
QUICK_VOCABULARY = 1000
QUICK_CLUSTER = 20
"""Words of each cluster of an adaptive softmax: the embedded set has some 80."""

_PRACTICE_EPOCHS = 2
_PRACTICE_BATCH = 16
_PRACTICE_COLUMNS = 4
_PRACTICE_WINDOW = 12


def reduced(config: Config, folder: Path, *, quick: bool) -> tuple[Config, list[str]]:
    """The config that is proved, and what is said of it.

    Args:
        config: as the user has it.
        folder: for the embedded set, where it stands in.
        quick: smaller states and vocabulary; the embedded set for data that is not here.

    Raises:
        UserError: the data is not here, and `quick` is not set.
    """
    notes = []
    absent = is_absent(config)
    if absent and not quick:
        raise UserError(
            f"{config.name}: its data ({config.data.source.name}) is not here; set data.path or "
            f"`rnnlab data fetch {config.data.source.name}`, or prove it on the embedded set with "
            "--quick"
        )
    settings: dict[str, Any] = config.model_dump(mode="json")
    settings |= {"device": "cpu", "tracker": None}
    if absent:
        settings["data"] = stand_in(config, folder)
        notes.append(f"{config.data.source.name} is not here: the embedded set stands in for it")
    embedding = settings["model"].get("embedding")
    if embedding and embedding.get("vectors") is not None:
        embedding["vectors"] = None
        notes.append("pretrained vectors are left out: no check depends on them")
    if settings["model"].get("pretrained") is not None:
        settings["model"]["pretrained"] = None
        notes.append("the language model to begin with is left out: no check depends on it")
    if quick:
        notes += _shrink(settings)
    return parse_config(settings, config.name), notes


def _shrink(settings: dict[str, Any]) -> list[str]:
    changes = []
    encoder = settings["model"].get("encoder")
    if encoder and encoder["hidden"] > QUICK_HIDDEN:
        changes.append(f"hidden {encoder['hidden']} -> {QUICK_HIDDEN}")
        encoder["hidden"] = QUICK_HIDDEN
    if encoder and (encoder.get("last_hidden") or 0) > QUICK_HIDDEN:
        changes.append(f"last_hidden {encoder['last_hidden']} -> {QUICK_HIDDEN}")
        encoder["last_hidden"] = QUICK_HIDDEN
    if adaptive := settings["model"].get("adaptive"):
        count = len(adaptive["cutoffs"])
        adaptive["cutoffs"] = [QUICK_CLUSTER * (number + 1) for number in range(count)]
        adaptive["divide_by"] = min(adaptive["divide_by"], 2)  # features of the last cluster
        changes.append(f"adaptive.cutoffs {adaptive['cutoffs']}")
    vocabulary = settings["data"]["vocabulary"]
    limit = QUICK_VOCABULARY - len(SPECIAL)
    if vocabulary["max_size"] is None or vocabulary["max_size"] > limit:
        vocabulary["max_size"] = limit
        changes.append(f"vocabulary <= {QUICK_VOCABULARY:,}")
    return [f"quick: {', '.join(changes)}"] if changes else []


def for_practice(config: Config) -> Config:
    """The config of a training of some twenty updates: the same model, optimizer and schedule."""
    streams = config.model.module.TASK == "language_modeling"
    stream = config.train.stream
    window = min(stream.window, _PRACTICE_WINDOW)
    variable = stream.variable
    if variable is not None:
        variable = variable.model_copy(update={"least": min(variable.least, window)})
    changes = {
        "epochs": _PRACTICE_EPOCHS,
        "batch_size": min(
            config.train.batch_size, _PRACTICE_COLUMNS if streams else _PRACTICE_BATCH
        ),
        "stream": stream.model_copy(update={"window": window, "variable": variable}),
        "patience": None,
        "checkpoint_seconds": 3600.0,
    }
    return config.model_copy(update={"train": config.train.model_copy(update=changes)})
