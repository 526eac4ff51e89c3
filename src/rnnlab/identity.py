"""A run's identity: what affects its result, and its hash."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnnlab.config.schema import Config
from rnnlab.config.training import NonMonotone
from rnnlab.data import batching, folds, streams, subset, validation
from rnnlab.data import vocabulary as words
from rnnlab.data.dataset import Dataset
from rnnlab.data.download import file_sha256
from rnnlab.data.tables import open_table
from rnnlab.files import sha256_json
from rnnlab.model_folder import parameters_sha256, reading_versions
from rnnlab.selection import selection_metric
from rnnlab.train.rundir import model_folder

_UNREAD = {
    "classification": ("stream",),
    "language_modeling": ("batch_tokens", "class_weights", "label_smoothing"),
}
"""Keys of `train` that a task does not read."""

_LATER = {
    "data.extra": None,
    "model.embedding.type_dropout": 0.0,
    "model.embedding.locked": False,
    "model.embedding.initial_range": None,
    "model.encoder.last_hidden": None,
    "model.pretrained": None,
    "model.read_padding": None,
    "model.tied": False,
    "model.adaptive": None,
    "model.locked": False,
    "train.stream.variable": None,
    "train.stream.ar": 0.0,
    "train.stream.tar": 0.0,
}
"""Keys that came when there were runs already, with the values for which nothing changed: at these
they are left out, so that the runs keep their identities."""

_LATER_OF_CELLS = {"gru": {"activation": "tanh"}}
"""The same for settings of cells, by their names."""


def component_versions(config: Config) -> dict[str, int]:
    """Numerics versions of everything that a run's result depends on."""
    versions = reading_versions(config.model, config.data.tokenizer)
    modules: dict[str, Any] = {"validation": validation, "vocabulary": words}
    numbers: dict[str, int] = {}
    if config.data.validation.fold is not None:
        modules["folds"] = folds
    if config.data.subset is not None:
        modules["subset"] = subset
    if config.model.module.TRAINED:
        from rnnlab.tasks import classification, language_modeling
        from rnnlab.train import loop

        if config.model.module.TASK == "classification":
            modules |= {"batching": batching, "task": classification, "loop": loop}
        else:
            modules |= {"streams": streams, "task": language_modeling, "loop": loop}
            if config.train.stream.variable is not None:
                numbers["variable windows"] = streams.VARIATION_VERSION
        if isinstance(config.train.average, NonMonotone):
            from rnnlab.train import average

            numbers["non-monotone average"] = average.NON_MONOTONE_VERSION
        for item in (config.train.optimizer, config.train.schedule):
            modules[f"{item.registry.noun} {item.name}"] = item.module
    versions |= numbers | {name: module.VERSION for name, module in modules.items()}
    if config.data.vocabulary.max_size is not None:
        versions["vocabulary cut"] = words.CUT_VERSION
    return versions


def identity_of(config: Config, dataset: Dataset) -> dict[str, Any]:
    """What affects a run's result, the seed included: equal identities give equal results.

    Paths and column names are replaced by the hash of what was read; names, threads, the tracker
    and how often a checkpoint is written do not count. The metric "auto" is what it stands for.
    """
    settings, metric = read_settings(config), selection_metric(config, dataset)
    for key in type(config.data.source.options).model_fields:
        del settings["data"][key]
    _forget_unused_cuts(settings["data"], dataset)
    if config.data.extra is not None:
        settings["data"]["extra"]["path"] = file_sha256(open_table(config.data.extra.path).path)
    if not config.model.module.TRAINED:
        return _identity(config, dataset, settings)
    settings["train"]["metric"] = metric
    if (vectors := getattr(config.model.options.embedding, "vectors", None)) is not None:
        from rnnlab.data.vectors import locate_vectors

        settings["model"]["embedding"]["vectors"] = file_sha256(locate_vectors(vectors))
    if (pretrained := getattr(config.model.options, "pretrained", None)) is not None:
        folder = model_folder(Path(pretrained).expanduser())
        settings["model"]["pretrained"] = parameters_sha256(folder)
    return _identity(config, dataset, settings)


def read_settings(config: Config) -> dict[str, Any]:
    """The settings of a config that a training reads, the seed included; looks at no data."""
    settings = config.model_dump(mode="json")
    for key in ("name", "summary", "threads", "tracker"):
        del settings[key]
    del settings["data"]["recorded"]
    for path, unchanged in _LATER.items():
        _forget_at(settings, path.split("."), unchanged)
    cell = (settings["model"].get("encoder") or {}).get("cell") or {}
    for key, unchanged in _LATER_OF_CELLS.get(cell.get("name", ""), {}).items():
        _forget_at(cell, [key], unchanged)
    if not config.model.module.TRAINED:
        settings["train"] = {"class_weights": config.train.class_weights}
        del settings["device"], settings["seed"]
        return settings
    for key in ("checkpoint_seconds", *_UNREAD[config.model.module.TASK]):
        del settings["train"][key]
    return settings


def _identity(config: Config, dataset: Dataset, settings: dict[str, Any]) -> dict[str, Any]:
    return {
        "settings": settings,
        "data": dataset.content_hash,
        "versions": component_versions(config),
    }


def _forget_at(settings: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Remove the key at a path, where there is one, if it has this value."""
    *sections, key = path
    inner: Any = settings
    for section in sections:
        inner = inner.get(section)
        if not isinstance(inner, dict):
            return
    if key in inner and inner[key] == value:
        del inner[key]


def _forget_unused_cuts(data: dict[str, Any], dataset: Dataset) -> None:
    """Remove the settings of cuts that are not made; the identities of old runs have none."""
    cut = data["validation"]
    del cut["fold" if cut["fold"] is None else "fraction"]
    if data["subset"] is None:
        del data["subset"]
        if not dataset.cuts_validation:
            del data["validation"]


def identity_hash(value: dict[str, Any]) -> str:
    """Hash of an identity without its seed: runs that differ only in the seed share it."""
    settings = {key: item for key, item in value["settings"].items() if key != "seed"}
    return sha256_json({**value, "settings": settings})
