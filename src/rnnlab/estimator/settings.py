"""From the parameters of `TextClassifier` to the config that `rnnlab train` would have."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from rnnlab.config.load import load_settings, parse_config, preset_names, put
from rnnlab.config.schema import Config, DataConfig
from rnnlab.exceptions import UserError
from rnnlab.options import nearest
from rnnlab.registry import SOURCES
from rnnlab.selection import check_task

AUTO = "auto"  # the model's own setting
MODELS = {
    "bilstm": "table",
    "bigru": "table-bigru",
    "lstm": "table-lstm",
    "gru": "table-gru",
    "rnn": "table-rnn",
    "mean": "table-mean",
    "nb": "table-nb",
    "tfidf": "table-tfidf",
    "majority": "table-majority",
}
KEYS = {
    "embedding_dim": "model.embedding.dim",
    "hidden": "model.encoder.hidden",
    "layers": "model.encoder.layers",
    "dropout": "model.dropout",
    "vectors": "model.embedding.vectors",
    "tokenizer": "data.tokenizer",
    "max_tokens": "data.max_tokens",
    "vocabulary_size": "data.vocabulary.max_size",
    "min_count": "data.vocabulary.min_count",
    "epochs": "train.epochs",
    "batch_size": "train.batch_size",
    "lr": "train.optimizer.lr",
    "patience": "train.patience",
    "validation_fraction": "data.validation.fraction",
}
_OWN_SECTIONS = ("source", "validation", "recorded")


def plain(value: Any) -> Any:
    """A parameter as a config file would have it: no NumPy scalars, no path objects."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    return value


def build_config(
    model: Any,
    changes: Mapping[str, Any],
    overrides: Any,
    *,
    seed: int,
    threads: Any,
    class_weights: Any,
) -> Config:
    """Build the config of a model for texts in memory.

    Args:
        model: a name in MODELS, a preset, or the path of a YAML file.
        changes: value per name in KEYS.
        overrides: value per dotted key of the config; they win.
        seed, threads, class_weights: as the config has them.

    Raises:
        UserError: an unknown model or key, a value of the wrong kind, or a parameter that the
            model has no place for.
    """
    if not isinstance(overrides, Mapping) or not all(isinstance(key, str) for key in overrides):
        raise UserError("overrides: give a mapping of config keys, as {'train.clip_norm': 1}")
    settings = _settings_of(plain(model))
    data = settings.get("data") or {}
    kept = {key: data[key] for key in DataConfig.model_fields if key in data}
    for key in _OWN_SECTIONS:
        kept.pop(key, None)
    settings |= {"data": {**kept, "source": "table"}, "seed": seed, "threads": plain(threads)}
    put(settings, "train.checkpoint_seconds", 1e9)  # nobody goes on with a training in memory
    put(settings, "train.class_weights", plain(class_weights))
    base = parse_config(settings, str(model))
    if not base.model.module.TRAINED:  # there is no epoch to choose
        put(settings, "data.validation.fraction", 0)
    for name, value in changes.items():
        _require_place(name, model, base)
        put(settings, KEYS[name], plain(value))
    for key, value in overrides.items():
        put(settings, key, plain(value))
    config = parse_config(settings, "TextClassifier")
    if config.model.module.TASK != "classification":
        raise UserError(f"model={model!r} is a language model: it gives texts no labels")
    check_task(config)
    source = config.data.source
    if source.name != "table" or source.options != SOURCES.load("table").Options():
        raise UserError("overrides: the texts come from fit(); leave out the keys of a data source")
    if config.data.validation.by not in ("auto", "example"):
        raise UserError("overrides: texts in memory have no groups; leave out data.validation.by")
    return config


def _settings_of(model: Any) -> dict[str, Any]:
    if isinstance(model, str) and (model in MODELS or model.endswith((".yaml", ".yml"))):
        return load_settings(MODELS.get(model, model))
    presets = preset_names()
    if model not in presets:
        hint = nearest(str(model), [*MODELS, *presets])
        hint = hint or f"; known: {', '.join(MODELS)}, and the presets"
        raise UserError(f"unknown model {model!r}{hint}")
    return load_settings(model)


def _require_place(name: str, model: Any, base: Config) -> None:
    """Refuse a parameter that would do nothing, or would change what kind of model it is."""
    key = KEYS[name]
    if not base.model.module.TRAINED and not key.startswith("data."):
        raise UserError(f"{name} has no meaning for model={model!r}, which is not trained in steps")
    if key.startswith("model.encoder") and base.model.options.encoder is None:
        raise UserError(f"{name} has no meaning for model={model!r}, which has no recurrent layer")
