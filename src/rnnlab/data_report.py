"""Figures about a data set, and about what a preset's model sees of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnlab import compose
from rnnlab.compose.language_modeling import read_stream
from rnnlab.config.load import is_bare_source, load_data_config
from rnnlab.config.schema import Config
from rnnlab.data.checks import normalise, repeats
from rnnlab.data.token_cache import tokenized
from rnnlab.exceptions import UserError


def _config(name: str, overrides: Sequence[str]) -> tuple[Config, bool]:
    """The config of a preset or file; for a bare data set a minimal one, and False."""
    bare = is_bare_source(name)
    if bare and overrides:
        raise UserError(f"{name} is a data set without a preset; it takes no overrides")
    return load_data_config(name, overrides), not bare


def data_stats(name: str, overrides: Sequence[str]) -> dict[str, Any]:
    """Describe a data set.

    Returns:
        `splits`: per split of the data set `examples`, `tokens`, `labels` (counts), `length`
        (mean, median, min, max, in tokens); `labels` in index order; for a preset also `preset`:
        `vocabulary` and per part that the model sees `examples`, `coverage`, `cut_tokens`,
        `cut_texts`.

    Raises:
        UserError: unknown name, or malformed data.
    """
    config, is_preset = _config(name, overrides)
    dataset = compose.dataset_of(config)
    splits: dict[str, Any] = {}
    for split in dataset.source.splits:
        texts = dataset.texts(split)
        ragged, types = tokenized(texts, dataset.tokenizer, dataset.learned)
        lengths = ragged.lengths
        splits[split] = {
            "examples": len(texts),
            "tokens": len(ragged.tokens),
            "types": len(types),
            "labels": {name: count for name, count in texts.label_counts.items() if count},
            "length": {
                "mean": float(lengths.mean()),
                "median": float(np.median(lengths)),
                "min": int(lengths.min()),
                "max": int(lengths.max()),
            },
        }
    facts = {
        "name": name,
        "tokenizer": dataset.tokenizer.name,
        "labels": list(dataset.labels),
        "splits": splits,
    }
    if is_preset:
        facts["preset"] = _preset_stats(config, dataset)
    return facts


def _preset_stats(config: Config, dataset: Any) -> dict[str, Any]:
    prepared = compose.prepare(config, dataset)
    if config.model.module.TASK == "language_modeling":
        return _stream_stats(prepared, dataset)
    parts = {"train": prepared.train_texts, "val": prepared.val_texts}
    if "test" in dataset.splits:
        test = dataset.tokens("test")
        parts["test"] = prepared.reader.encode(test.ragged, test.types)
    return {
        "vocabulary": len(prepared.reader.vocabulary),
        "splits": {
            name: {"examples": len(part.ragged), **part.facts()} for name, part in parts.items()
        },
    }


def _stream_stats(prepared: Any, dataset: Any) -> dict[str, Any]:
    parts = {"train": prepared.train, "val": prepared.val}
    if "test" in dataset.splits:
        parts["test"] = read_stream(dataset, "test", prepared.reader)
    return {
        "vocabulary": len(prepared.reader.vocabulary),
        "splits": {
            name: {"examples": stream.texts, **stream.facts()} for name, stream in parts.items()
        },
    }


def data_check(name: str, overrides: Sequence[str]) -> dict[str, Any]:
    """Count repeated texts within and across the splits of a data set.

    Returns:
        `repeats.SPLIT`, `overlap.A_B`, and the same under `normalised`.
    """
    dataset = compose.dataset_of(_config(name, overrides)[0])
    texts = {split: dataset.texts(split).texts() for split in dataset.source.splits}
    exact = repeats(texts, lambda text: text)
    return {"name": name, **exact, "normalised": repeats(texts, normalise)}
