"""Vectors in word2vec's binary form: a line "WORDS VALUES", then for each word its bytes, a space
and D little-endian float32. The original program ends each vector with a line end, others do not.

Source: Mikolov et al. 2013 (arXiv:1310.4546), the program word2vec.c.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from rnnlab.data._vectors_base import header, malformed
from rnnlab.exceptions import UserError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_FASTTEXT = (793_712_314).to_bytes(4, "little")  # how fastText's own models begin
_HEADER_BYTES = 64
_WORD_BYTES = 1 << 16
_CHUNK_BYTES = 1 << 20
_NOT_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f]")


class BinaryVectors:
    """See `rnnlab.data._vectors_base.VectorFile`; a place is the offset of a byte."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        line = file.readline(_HEADER_BYTES)
        if line.startswith(_FASTTEXT):
            raise UserError(
                f"{path} is a model of fastText, not word2vec's binary form: take its .vec file"
            )
        found = header(path, line)
        if found is None or not line.endswith(b"\n"):
            raise malformed(
                self.where(0), "word2vec's binary form begins with a line of two numbers"
            )
        self._count, self.dim = found
        self._offset = len(line)

    def __iter__(self) -> Iterator[tuple[int, bytes, bytes]]:
        offset, size = self._offset, 4 * self.dim
        buffer, start = b"", 0  # buffer[0] is the file's byte `offset`
        for number in range(1, self._count + 1):
            space = buffer.find(b" ", start)
            while space < 0 or len(buffer) - space <= size:
                if space < 0 and len(buffer) - start > _WORD_BYTES:
                    raise self._no_word(offset + start, number)
                more = self._file.read(_CHUNK_BYTES)
                if not more:
                    raise malformed(
                        self.where(offset + len(buffer)),
                        f"the file ends within word {number:,} of the {self._count:,} "
                        "that line 1 promises",
                    )
                buffer, offset, start = buffer[start:] + more, offset + start, 0
                space = buffer.find(b" ")
            word = buffer[start:space].lstrip(b"\n")
            if not word or _NOT_TEXT.search(word):
                raise self._no_word(offset + start, number)
            end = space + 1 + size
            yield offset + start, word, buffer[space + 1 : end]
            start = end
        rest = buffer[start : start + 2] + self._file.read(2)
        if rest not in (b"", b"\n"):
            raise malformed(
                self.where(offset + start),
                f"more data after the {self._count:,} words that line 1 promises",
            )

    def values(self, place: int, raw: bytes) -> npt.NDArray[np.float32]:
        import numpy as np

        values = np.frombuffer(raw, "<f4").astype(np.float32, copy=False)
        if not np.isfinite(values).all():
            raise malformed(self.where(place), "a value of the word here is not finite")
        return values

    def where(self, place: int) -> str:
        return f"{self._path}, byte {place}"

    def _no_word(self, offset: int, number: int) -> Exception:
        return malformed(
            self.where(offset),
            f"word {number:,} is no text: damaged, or vectors of another length than the "
            f"{self.dim} of line 1",
        )
