"""The words that a model knows. Built from the training part alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from rnnlab.data.ragged import Ragged
from rnnlab.exceptions import UserError

VERSION = 1
CUT_VERSION = 1  # of the choice that `max_size` makes; part of the identity where it makes one
PAD, UNKNOWN = 0, 1
SPECIAL = ("<pad>", "<unk>")


@dataclass(frozen=True)
class Vocabulary:
    """Words by index: 0 is padding (of a stream, the end of a text), 1 is any unknown word.

    A text's own "<pad>" or "<unk>" is an unknown word like any other, never the special entry.

    Attributes:
        words: all entries in index order, the two special ones first.
    """

    words: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.words)

    @cached_property
    def index(self) -> dict[str, int]:
        """Index of each word that is not special."""
        first = len(SPECIAL)
        return {word: number for number, word in enumerate(self.words[first:], first)}

    def lookup(self, types: Sequence[str]) -> npt.NDArray[np.int32]:
        """Index per type, int32[len(types)]; UNKNOWN where a type is not an entry."""
        get = self.index.get
        return np.fromiter((get(word, UNKNOWN) for word in types), np.int32, len(types))

    def encode(self, ragged: Ragged, types: Sequence[str]) -> Ragged:
        """Replace type numbers by vocabulary indices.

        A text without any token becomes the single token UNKNOWN, so that every sequence has a
        length of at least 1.
        """
        table = self.lookup(types)
        tokens = table[ragged.tokens] if len(types) else np.zeros(0, np.int32)
        empty = ragged.lengths == 0
        if not empty.any():
            return Ragged(tokens, ragged.offsets)
        filled = np.insert(tokens, ragged.offsets[:-1][empty], UNKNOWN).astype(np.int32)
        return Ragged.from_lengths(filled, np.maximum(ragged.lengths, 1))


def build_vocabulary(
    ragged: Ragged,
    types: Sequence[str],
    *,
    max_size: int | None,
    min_count: int,
    special: tuple[str, str] = SPECIAL,
) -> Vocabulary:
    """Take the most frequent types; equal counts keep the order of first appearance in the text.

    Which of equally frequent types `max_size` lets in goes by the alphabet, not by appearance: of a
    file that is sorted by label, the rare words of the first labels alone would be known, and an
    unknown word would give the others away.

    Args:
        ragged: type numbers of the training part.
        types: the types that they number.
        max_size: entries at most, the two special ones not counted; None for all.
        min_count: occurrences that an entry needs.
        special: the first two entries; the second is the unknown word.

    Raises:
        UserError: no word is left.
    """
    counts = np.bincount(ragged.tokens, minlength=len(types))
    first = np.full(len(types), len(ragged.tokens))
    first[ragged.tokens[::-1]] = np.arange(len(ragged.tokens))[::-1]  # the earliest one stays
    order = np.lexsort((first, -counts))
    order = order[counts[order] >= max(min_count, 1)]
    frequent = [types[int(number)] for number in order]
    words = [word for word in frequent if word not in special]
    if max_size is not None and len(words) > max_size:
        count = dict(zip(types, counts.tolist(), strict=True))
        kept = set(sorted(words, key=lambda word: (-count[word], word))[:max_size])
        words = [word for word in words if word in kept]
    if not words:
        raise UserError(
            "the vocabulary is empty: no training word occurs "
            f"data.vocabulary.min_count={min_count} times; lower it, or check the texts"
        )
    return Vocabulary((*special, *words))
