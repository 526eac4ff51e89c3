"""Sequences of different lengths in two arrays.

Legend: N tokens in all, n sequences, B sequences in a batch, T the longest of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Truncation = Literal["head", "tail", "head_and_tail"]


@dataclass(frozen=True)
class Ragged:
    """`tokens int32[N]` with `offsets int64[n + 1]`: sequence i is tokens[offsets[i]:offsets[i+1]].

    The arrays may be memory-mapped and are never written to.
    """

    tokens: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens per sequence, int64[n]."""
        return np.diff(self.offsets)

    @staticmethod
    def from_lengths(tokens: npt.NDArray[np.int32], lengths: npt.NDArray[np.int64]) -> Ragged:
        """Build from the concatenated tokens and the length of each sequence."""
        offsets = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return Ragged(tokens, offsets)

    def take(self, starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> Ragged:
        """Concatenate the pieces tokens[starts[i]:starts[i]+lengths[i]] as new sequences."""
        result = Ragged.from_lengths(self.tokens[:0], lengths)
        index = np.repeat(starts - result.offsets[:-1], lengths)
        index += np.arange(result.offsets[-1])
        return Ragged(self.tokens[index], result.offsets)

    def select(self, rows: npt.NDArray[np.int64]) -> Ragged:
        """The sequences `rows`, in that order."""
        return self.take(self.offsets[rows], self.lengths[rows])

    def truncate(self, max_tokens: int, how: Truncation) -> Ragged:
        """Cut each sequence to `max_tokens`: its head, its tail, or half of each."""
        lengths = self.lengths
        kept = np.minimum(lengths, max_tokens)
        if not (lengths > kept).any():
            return self
        if how == "head":
            return self.take(self.offsets[:-1], kept)
        if how == "tail":
            return self.take(self.offsets[1:] - kept, kept)
        head = np.where(lengths > max_tokens, (max_tokens + 1) // 2, kept)
        tail = kept - head
        starts = np.stack([self.offsets[:-1], self.offsets[1:] - tail], axis=1).ravel()
        pieces = self.take(starts, np.stack([head, tail], axis=1).ravel())
        return Ragged(pieces.tokens, pieces.offsets[::2])

    def pad(self, rows: npt.NDArray[np.int64], value: int = 0) -> npt.NDArray[np.int64]:
        """Return int64[B, T]: the sequences `rows`, filled up with `value` at the right."""
        starts, lengths = self.offsets[rows], self.lengths[rows]
        width = int(lengths.max(initial=0))
        position = np.arange(width)
        inside = position < lengths[:, None]
        padded = np.full((len(rows), width), value, np.int64)
        padded[inside] = self.tokens[(starts[:, None] + position)[inside]]
        return padded


def joined(parts: Sequence[tuple[Ragged, Sequence[str]]]) -> tuple[Ragged, list[str]]:
    """Put token arrays one after the other under one numbering of the types that occur."""
    numbers: dict[str, int] = {}
    tokens, lengths = [], []
    for ragged, types in parts:
        table = np.zeros(len(types), np.int32)
        for number in np.unique(ragged.tokens).tolist():
            table[number] = numbers.setdefault(types[int(number)], len(numbers))
        tokens.append(table[ragged.tokens])
        lengths.append(ragged.lengths)
    return Ragged.from_lengths(np.concatenate(tokens), np.concatenate(lengths)), list(numbers)
