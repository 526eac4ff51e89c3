"""Tokenized splits on disk: a ragged array of type numbers, and the list of types.

The numbers are those of the split's own types in order of first appearance. Vocabulary settings
are applied afterwards by one array look-up, so changing them never tokenizes anything again.
"""

from __future__ import annotations

import logging
from array import array
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from rnnlab.data.cache import cached_folder
from rnnlab.data.ragged import Ragged
from rnnlab.data.texts import TextSplit
from rnnlab.files import read_json, sha256_json, write_json
from rnnlab.options import Options
from rnnlab.registry import TOKENIZERS

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


def tokenized(split: TextSplit, tokenizer: str, options: Options) -> tuple[Ragged, list[str]]:
    """Return a split's tokens (memory-mapped) and its types, tokenizing first if need be."""
    module = TOKENIZERS.load(tokenizer)
    settings = {"format": _FORMAT, "version": module.VERSION, **options.model_dump()}
    key = f"{split.folder.name}-{tokenizer}-{sha256_json(settings)[:16]}"

    def make(folder: Path) -> None:
        log.info("tokenizing %d texts with '%s' (once; kept in the cache)", len(split), tokenizer)
        ragged, types = tokenize_all(split.texts(), module.build(options))
        np.save(folder / "tokens.npy", ragged.tokens)
        np.save(folder / "offsets.npy", ragged.offsets)
        write_json(folder / "types.json", types)

    folder = cached_folder("tokens", key, make)
    load = {"mmap_mode": "r", "allow_pickle": False}
    ragged = Ragged(np.load(folder / "tokens.npy", **load), np.load(folder / "offsets.npy", **load))
    return ragged, read_json(folder / "types.json")
