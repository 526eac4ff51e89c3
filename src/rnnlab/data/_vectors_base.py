"""What both forms of vector files share: the line that both may begin with, and errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rnnlab.exceptions import UserError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MAX_DIM = 65_536
_HEADER = re.compile(rb"(\d+) (\d+)")
_DIGITS = 12  # of a number of words that a file can have


class VectorFile(Protocol):
    """An opened file of vectors, read once from its beginning to its end.

    Attributes:
        dim: values of each vector.
    """

    dim: int

    def __iter__(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Yield for each word its place (see `where`), its UTF-8 bytes, its values unparsed.

        Raises:
            UserError: the file is malformed or cut short.
        """
        ...

    def values(self, place: int, raw: bytes) -> npt.NDArray[np.float32]:
        """Parse the values of the word at `place`: float32[dim].

        Raises:
            UserError: they are not `dim` finite numbers.
        """
        ...

    def where(self, place: int) -> str:
        """Say where a word stands ("v.txt, line 12")."""
        ...


def header(path: Path, line: bytes) -> tuple[int, int] | None:
    """Return the words and the values of each that word2vec's first line promises, "400000 50".

    None if the line is another one.

    Raises:
        UserError: no file holds such numbers.
    """
    match = _HEADER.fullmatch(line.strip())
    if match is None:
        return None
    if max(map(len, match.groups())) <= _DIGITS:
        count, dim = int(match[1]), int(match[2])
        if count and 0 < dim <= MAX_DIM:
            return count, dim
    promise = line.strip()[:60].decode()
    raise UserError(
        f"{path}, line 1: '{promise}' promises vectors that cannot be "
        f"(of 1 to {MAX_DIM:,} values): get the file anew"
    )


def malformed(where: str, what: str) -> UserError:
    """The error for a file that is not as it should be at some place."""
    return UserError(f"{where}: {what}: correct it or get the file anew")
