"""Texts that occur twice, word by word or nearly: by hashes of runs of words, in array code.

Legend: n texts, N words of all of them, K words in a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnlab.data.checks import normalise
from rnnlab.data.ragged import Ragged

RUN_WORDS = 8
SHARED = 0.8
"""A text nearly repeats another that has this share of its runs of 8 words."""

_LEAST_WORDS = 16
_FACTOR = np.uint64(0x9E3779B97F4A7C15)

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Forms:
    """Texts as hashes.

    Attributes:
        whole: of each text, uint64[n]; 0 where it has no word.
        runs: of every run of K words within a text, uint64.
        of_text: the text of each run, int64.
        counts: runs of each text, int64[n].
    """

    whole: Hashes
    runs: Hashes
    of_text: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]

    def contains(self, others: Forms) -> npt.NDArray[np.bool_]:
        """Whether each of some other texts is, word by word, among these; bool[n]."""
        return np.isin(others.whole, self.whole) & (others.whole != 0)


class TextForms:
    """Gives words the same number in every split: lower case, letters and digits alone."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def add(self, ragged: Ragged, types: Sequence[str]) -> Forms:
        """Hash the texts of a split, given as type numbers and the types."""
        table = np.array([self._number(word) for word in types], np.int64)
        numbers = table[ragged.tokens] if len(types) else np.zeros(0, np.int64)
        kept = numbers > 0
        offsets = np.concatenate([[0], np.cumsum(kept)])[ragged.offsets]
        words = _mix(numbers[kept].astype(np.uint64))
        return Forms(_whole(words, offsets), *_runs(words, offsets))

    def _number(self, word: str) -> int:
        form = normalise(word)
        return self._numbers.setdefault(form, len(self._numbers) + 1) if form else 0


def near_repeats(train: Forms, held_out: Forms) -> npt.NDArray[np.int64]:
    """For each held-out text a text of train that has most of its runs of words, or -1; int64[n].

    Texts of fewer than 16 words are left out: short ones share runs by chance.
    """
    order = np.argsort(train.runs, kind="stable")
    ordered = train.runs[order]
    place = np.searchsorted(ordered, held_out.runs)
    present = np.zeros(len(held_out.runs), bool)
    inside = place < len(ordered)
    present[inside] = ordered[place[inside]] == held_out.runs[inside]
    hits = np.bincount(held_out.of_text[present], minlength=len(held_out.counts))
    enough = held_out.counts >= _LEAST_WORDS - RUN_WORDS + 1
    candidates = np.flatnonzero(enough & (hits >= SHARED * held_out.counts))
    result = np.full(len(held_out.counts), -1, np.int64)
    starts = np.concatenate([[0], np.cumsum(held_out.counts)])
    for row in candidates.tolist():
        own = np.unique(held_out.runs[starts[row] : starts[row + 1]])
        first, last = (np.searchsorted(ordered, own, side) for side in ("left", "right"))
        texts = [
            np.unique(train.of_text[order[a:b]]) for a, b in zip(first, last, strict=True) if b > a
        ]
        found, counts = np.unique(np.concatenate(texts), return_counts=True)
        if counts.max() >= SHARED * len(own):
            result[row] = found[counts.argmax()]
    return result


def _mix(values: Hashes) -> Hashes:
    """Spread numbers over 64 bits (the finalizer of SplitMix64, Steele et al. 2014)."""
    values = values * _FACTOR
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _whole(words: Hashes, offsets: npt.NDArray[np.int64]) -> Hashes:
    """A hash of each text that depends on its words and their places."""
    lengths = np.diff(offsets)
    place = np.arange(len(words)) - np.repeat(offsets[:-1], lengths)
    terms = _mix(words + _mix(place.astype(np.uint64) + np.uint64(1)))
    sums = np.concatenate([[np.uint64(0)], np.cumsum(terms, dtype=np.uint64)])
    return sums[offsets[1:]] - sums[offsets[:-1]]


def _runs(
    words: Hashes, offsets: npt.NDArray[np.int64]
) -> tuple[Hashes, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    counts = np.maximum(np.diff(offsets) - RUN_WORDS + 1, 0)
    of_text = np.repeat(np.arange(len(counts)), counts)
    first = np.concatenate([[0], np.cumsum(counts)])[:-1]
    starts = np.arange(counts.sum()) - np.repeat(first, counts) + np.repeat(offsets[:-1], counts)
    hashes = np.zeros(len(starts), np.uint64)
    for step in range(RUN_WORDS):
        hashes = _mix(hashes * _FACTOR + words[starts + step])
    return hashes, of_text, counts
