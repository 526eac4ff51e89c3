"""The words whose vectors lie nearest to those of other words, by the cosine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rnnlab.data.vectors import open_vectors, read_vectors
from rnnlab.exceptions import UserError

_BLOCK = 8192


class Neighbour(NamedTuple):
    """A word and the cosine between its vector and another's."""

    word: str
    cosine: float


def nearest_words(path: Path, words: Sequence[str], count: int) -> dict[str, list[Neighbour]]:
    """Return the `count` nearest other words of each word, nearest first.

    The file is read twice, as a stream: memory does not grow with it. Words whose vector is zero
    are nobody's neighbours; of equal cosines the word that the file has first comes first.

    Args:
        path: file of vectors; see `rnnlab.data.vectors`.
        words: looked up as they are, then in lower case.
        count: neighbours of each, at most.

    Returns:
        Neighbours by word, under the names that the file has.

    Raises:
        UserError: the file is malformed, or has no vector for a word, or a zero one.
    """
    found = read_vectors(path, words)
    for word in words:
        if word not in found.words:
            raise UserError(f"{path} has no vector for '{word}': check its spelling")
    norms = np.linalg.norm(found.values, axis=1, keepdims=True)
    for word, norm in zip(found.found_as, norms, strict=True):
        if norm == 0:
            raise UserError(f"{path}: the vector of '{word}' is zero: it has no neighbours")
    queries_QD = found.values / norms
    best = [_Best(name, count) for name in found.found_as]
    for names, values_BD in _blocks(path):
        norms_B = np.linalg.norm(values_BD, axis=1)
        cosines_BQ = (values_BD @ queries_QD.T) / np.where(norms_B > 0, norms_B, 1)[:, None]
        cosines_BQ[norms_B == 0] = -np.inf
        for one, cosines_B in zip(best, cosines_BQ.T, strict=True):
            one.see(names, cosines_B)
    return {one.word: one.neighbours for one in best}


class _Best:
    """The nearest words to one, among those seen so far."""

    def __init__(self, word: str, count: int) -> None:
        self.word = word
        self.neighbours: list[Neighbour] = []
        self._count = count
        self._itself = word.encode("utf-8", "surrogatepass")

    def see(self, names: list[bytes], cosines_B: npt.NDArray[np.float32]) -> None:
        """Take in a block of the file; a stable order keeps the first of equals first."""
        candidates = np.argsort(-cosines_B, kind="stable")[: self._count + 1]
        self.neighbours += [
            Neighbour(names[number].decode("utf-8", "replace"), float(cosines_B[number]))
            for number in candidates
            if names[number] != self._itself and cosines_B[number] > -np.inf
        ]
        self.neighbours.sort(key=lambda neighbour: -neighbour.cosine)
        del self.neighbours[self._count :]


def _blocks(path: Path) -> Iterator[tuple[list[bytes], npt.NDArray[np.float32]]]:
    """Yield all words of a file with their vectors, some thousand at a time."""
    names: list[bytes] = []
    values: list[npt.NDArray[np.float32]] = []
    with open_vectors(path) as file:
        for place, word, raw in file:
            names.append(word)
            values.append(file.values(place, raw))
            if len(names) == _BLOCK:
                yield names, np.stack(values)
                names, values = [], []
    if names:
        yield names, np.stack(values)
