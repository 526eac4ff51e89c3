"""Vectors as text, one word a line: GloVe's form, and with a first line "WORDS VALUES" that of
word2vec and of fastText's `.vec` files.

A line is a word, a space and D values, where D is that of the first line.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from rnnlab.data._vectors_base import MAX_DIM, header, malformed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_LINE_BYTES = 32 * MAX_DIM


class TextVectors:
    """See `rnnlab.data._vectors_base.VectorFile`; a place is the number of a line."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._lines = enumerate(iter(partial(file.readline, _LINE_BYTES), b""), start=1)
        self._count: int | None = None
        self._first: list[tuple[int, bytes]] = []
        number, line = next(self._lines, (1, b""))
        if found := header(path, line):
            self._count, self.dim = found
        else:
            self._first = [(number, line)]
            self.dim = self._dim_of(number, line)

    def __iter__(self) -> Iterator[tuple[int, bytes, bytes]]:
        dim, number, count = self.dim, 1, 0
        for number, line in chain(self._first, self._lines):
            if len(line) == _LINE_BYTES:
                raise self._malformed(number, f"longer than {_LINE_BYTES >> 20} MiB")
            if count == self._count:
                raise self._malformed(number, f"after the {count:,} words that line 1 promises")
            count += 1
            stripped = line.rstrip(b" \r\n")
            if stripped.count(b" ") == dim:
                word = stripped[: stripped.index(b" ")]
            else:
                word = self._word_with_spaces(number, stripped)
            yield number, word, stripped[len(word) + 1 :]
        if self._count is not None and count < self._count:
            raise self._malformed(
                number, f"the file ends after {count:,} of the {self._count:,} words of line 1"
            )

    def values(self, place: int, raw: bytes) -> npt.NDArray[np.float32]:
        import numpy as np

        try:
            values = np.frombuffer(array("f", map(float, raw.split())), np.float32)
        except ValueError as error:
            raise self._malformed(place, str(error)) from error
        if len(values) != self.dim:
            raise self._malformed(place, f"not {self.dim} values after the word")
        if not np.isfinite(values).all():
            raise self._malformed(place, "a value is not finite")
        return values

    def where(self, place: int) -> str:
        return f"{self._path}, line {place}"

    def _malformed(self, number: int, what: str) -> Exception:
        return malformed(self.where(number), what)

    def _dim_of(self, number: int, line: bytes) -> int:
        """D by the first line, which must hold a vector."""
        fields = line.split()
        if not 1 < len(fields) <= MAX_DIM + 1:
            raise self._malformed(number, f"no word with 1 to {MAX_DIM:,} values")
        try:
            list(map(float, fields[1:]))
        except ValueError as error:
            raise self._malformed(number, str(error)) from error
        return len(fields) - 1

    def _word_with_spaces(self, number: int, line: bytes) -> bytes:
        """Return the word of a line that does not have D spaces: GloVe 840B has ". . .".

        Another number before the values means too many values, not a word.
        """
        word, *values = line.rsplit(b" ", self.dim)
        if len(values) != self.dim or not word:
            what = f"{max(len(line.split()) - 1, 0)} values, expected {self.dim}"
            raise self._malformed(number, what)
        for part in word.split(b" ")[1:]:
            try:
                float(part)
            except ValueError:
                continue
            raise self._malformed(number, f"more than {self.dim} values")
        return word
