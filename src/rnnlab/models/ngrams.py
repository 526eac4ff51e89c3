"""Counts of n-grams over ragged token numbers, as sparse matrices, without any loop per text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from rnnlab.data.ragged import Ragged
from rnnlab.exceptions import UserError

Numbers = npt.NDArray[np.int64]


def _keys(ragged: Ragged, size: int, base: int) -> tuple[Numbers, Numbers]:
    """One number per n-gram of `size` tokens, and where it begins in `ragged.tokens`, int64[m]."""
    lengths = ragged.lengths
    total = len(ragged.tokens)
    starts = np.flatnonzero(np.arange(total) + size <= np.repeat(ragged.offsets[1:], lengths))
    keys = np.zeros(len(starts), np.int64)
    for shift in range(size):
        keys = keys * base + ragged.tokens[starts + shift]
    return keys, starts


def _texts(ragged: Ragged, starts: Numbers) -> Numbers:
    """The text that holds each place of `ragged.tokens`."""
    return np.repeat(np.arange(len(ragged)), ragged.lengths)[starts]


@dataclass(frozen=True)
class NgramTerms:
    """The n-grams that a model knows: the columns of its count matrix.

    Attributes:
        base: vocabulary size; an n-gram's key is its tokens as digits in this base.
        first, last: shortest and longest n-gram.
        keys: for each length in turn the sorted keys, int64.
    """

    base: int
    first: int
    last: int
    keys: tuple[Numbers, ...]

    def __len__(self) -> int:
        return sum(len(keys) for keys in self.keys)

    def tokens(self, column: int) -> list[int]:
        """The tokens of the term in a column of the count matrix."""
        starts = np.cumsum([0, *map(len, self.keys)])
        place = int(np.searchsorted(starts, column, side="right")) - 1
        key = int(self.keys[place][column - starts[place]])
        powers = reversed(range(self.first + place))
        return [key // self.base**power % self.base for power in powers]

    def occurrences(self, ragged: Ragged) -> Iterator[tuple[int, Numbers, Numbers]]:
        """Yield, for each length of n-grams that has any, that length, the columns of the known
        n-grams in the texts, and where each begins in `ragged.tokens`."""
        offset = 0
        for size, known in enumerate(self.keys, self.first):
            keys, starts = _keys(ragged, size, self.base)
            if len(known):
                place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
                hit = known[place] == keys
                yield size, place[hit] + offset, starts[hit]
            offset += len(known)

    def count(self, ragged: Ragged) -> csr_matrix:
        """Return float32 counts, one row a text, one column a term; sums over repeats."""
        parts = list(self.occurrences(ragged))
        columns = np.concatenate([part[1] for part in parts] or [np.zeros(0, np.int64)])
        starts = np.concatenate([part[2] for part in parts] or [np.zeros(0, np.int64)])
        rows = _texts(ragged, starts)
        ones = np.ones(len(rows), np.float32)
        return csr_matrix((ones, (rows, columns)), shape=(len(ragged), len(self)))

    def arrays(self) -> dict[str, Numbers]:
        """What `from_arrays` needs."""
        sizes = [len(keys) for keys in self.keys]
        return {
            "term_layout": np.array([self.base, self.first, self.last, *sizes], np.int64),
            "term_keys": np.concatenate(self.keys),
        }

    @staticmethod
    def from_arrays(arrays: dict[str, Numbers]) -> NgramTerms:
        """Rebuild from `arrays`."""
        base, first, last, *sizes = arrays["term_layout"].tolist()
        keys = np.split(arrays["term_keys"], np.cumsum(sizes)[:-1])
        return NgramTerms(base, first, last, tuple(keys))


def find_terms(ragged: Ragged, *, base: int, first: int, last: int, min_texts: int) -> NgramTerms:
    """Collect the n-grams of `first` to `last` tokens that occur in at least `min_texts` texts.

    Raises:
        UserError: nothing is left, or the vocabulary is too large for n-grams of this length.
    """
    if base**last >= 2**63:
        raise UserError(
            f"model.max_ngram: {last}-grams over {base} words do not fit; "
            "set data.vocabulary.max_size"
        )
    found = []
    for size in range(first, last + 1):
        keys, starts = _keys(ragged, size, base)
        text = _texts(ragged, starts)
        order = np.argsort(keys, kind="stable")  # texts are in order already
        keys, text = keys[order], text[order]
        new = np.ones(len(keys), bool)
        new[1:] = (keys[1:] != keys[:-1]) | (text[1:] != text[:-1])
        unique, texts = np.unique(keys[new], return_counts=True)
        found.append(unique[texts >= min_texts])
    terms = NgramTerms(base, first, last, tuple(found))
    if not len(terms):
        raise UserError(f"no n-gram occurs in model.min_texts={min_texts} texts; lower it")
    return terms
