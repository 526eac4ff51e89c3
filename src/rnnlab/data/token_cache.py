"""Tokenized splits on disk: a ragged array of type numbers, and the list of types. Beside them,
what tokenizers have learned.

The numbers are those of the split's own types in order of first appearance. Vocabulary settings
are applied afterwards by one array look-up, so changing them never tokenizes anything again.
"""

from __future__ import annotations

import hashlib
import logging
from array import array
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab.data import tokenizing
from rnnlab.data.cache import cached_folder
from rnnlab.data.ragged import Ragged
from rnnlab.data.texts import TextSplit
from rnnlab.files import read_json, sha256_json, write_json
from rnnlab.registry import Component

log = logging.getLogger(__name__)

_FORMAT = 1


class _TypeNumbers(dict[str, int]):
    """Numbers new types as they are looked up."""

    def __missing__(self, token: str) -> int:
        number = len(self)
        self[token] = number
        return number


def tokenize_all(
    texts: Iterable[str], tokenize: Callable[[str], list[str]]
) -> tuple[Ragged, list[str]]:
    """Tokenize texts; return type numbers per text and the types they number."""
    numbers = _TypeNumbers()
    tokens = array("i")
    lengths = array("q")
    for text in texts:
        found = tokenize(text)
        tokens.extend(map(numbers.__getitem__, found))
        lengths.append(len(found))
    ragged = Ragged.from_lengths(np.array(tokens, np.int32), np.array(lengths, np.int64))
    return ragged, list(numbers)


def _settings(tokenizer: Component, learned: bytes | None) -> dict[str, Any]:
    """All that a tokenizer's output depends on besides the text."""
    return {
        "format": _FORMAT,
        "version": tokenizer.module.VERSION,
        **tokenizing.provenance(tokenizer, learned),
        **tokenizer.options.model_dump(),
    }


def learned_state(
    split: TextSplit, rows: npt.NDArray[np.int64], tokenizer: Component
) -> bytes | None:
    """Return what a tokenizer learns from the texts of `rows` alone; None if it learns nothing."""
    if not tokenizing.learns(tokenizer):
        return None
    settings = {**_settings(tokenizer, None), "rows": hashlib.sha256(rows.tobytes()).hexdigest()}
    key = f"{split.folder.name}-{tokenizer.name}-{sha256_json(settings)[:16]}"

    def make(folder: Path) -> None:
        log.info("'%s' learns from %d texts (once; kept in the cache)", tokenizer.name, len(rows))
        learned = tokenizing.learn(tokenizer, split.texts(rows))
        (folder / "learned").write_bytes(learned)

    return (cached_folder("tokenizers", key, make) / "learned").read_bytes()


def tokenized(
    split: TextSplit, tokenizer: Component, learned: bytes | None
) -> tuple[Ragged, list[str]]:
    """Return a split's tokens (memory-mapped) and its types, tokenizing first if need be."""
    settings = sha256_json(_settings(tokenizer, learned))
    key = f"{split.folder.name}-{tokenizer.name}-{settings[:16]}"

    def make(folder: Path) -> None:
        name = tokenizer.name
        log.info("tokenizing %d texts with '%s' (once; kept in the cache)", len(split), name)
        ragged, types = tokenize_all(split.texts(), tokenizing.build(tokenizer, learned))
        np.save(folder / "tokens.npy", ragged.tokens)
        np.save(folder / "offsets.npy", ragged.offsets)
        write_json(folder / "types.json", types)

    folder = cached_folder("tokens", key, make)
    load = {"mmap_mode": "r", "allow_pickle": False}
    ragged = Ragged(np.load(folder / "tokens.npy", **load), np.load(folder / "offsets.npy", **load))
    return ragged, read_json(folder / "types.json")
