"""Pretrained word vectors in the text form of GloVe, plain or gzip.

A line is a word, a space and D values, where D is that of the first line; a first line of word2vec
("400000 50") is understood. Only the wanted words are parsed; of all other lines the values are
counted. A word is looked up as it is and then in lower case.

Source: Pennington et al. 2014, "GloVe: Global Vectors for Word Representation" (EMNLP 2014).
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from array import array
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from rnnlab.data.download import downloads_folder, find_by_name
from rnnlab.exceptions import UserError

if TYPE_CHECKING:
    import numpy as np

GLOVE_URL = "https://nlp.stanford.edu/data/glove.6B.zip"
_SUFFIXES = ("", ".txt", ".gz", ".txt.gz")
_WORD2VEC_HEADER = re.compile(rb"\d+ (\d+)")
_BUFFER_BYTES = 1 << 20


@dataclass(frozen=True)
class Vectors:
    """Vectors of those wanted words that a file has.

    Attributes:
        words: the words as they were wanted.
        values: float32[len(words), D], finite, in the order of `words`.
        num_lowercased: how many were found in lower case only.
    """

    words: tuple[str, ...]
    values: np.ndarray
    num_lowercased: int


@dataclass(frozen=True)
class Coverage:
    """How much of a text has vectors: distinct words (types) and occurrences (tokens)."""

    num_types: int
    num_types_found: int
    num_tokens: int
    num_tokens_found: int

    @property
    def types(self) -> float:
        """Fraction of the distinct words that were found; 0 if there are none."""
        return self.num_types_found / max(1, self.num_types)

    @property
    def tokens(self) -> float:
        """Fraction of all occurrences whose word was found; 0 if there are none."""
        return self.num_tokens_found / max(1, self.num_tokens)


def coverage(words: Collection[str], counts: Mapping[str, int]) -> Coverage:
    """Measure how much of a text is covered.

    Args:
        words: the words that were found (`Vectors.words`).
        counts: how often each word of the text occurs.
    """
    found = set(words)
    tokens_found = [count for word, count in counts.items() if word in found]
    return Coverage(len(counts), len(tokens_found), sum(counts.values()), sum(tokens_found))


def locate_vectors(name_or_path: str | Path) -> Path:
    """Return the file of vectors: a path, or a name in RNNLAB_DATA or among the downloads.

    A name may leave out ".txt", ".gz" or both.

    Raises:
        UserError: there is no such file; the message says what to put where.
    """
    path = Path(name_or_path).expanduser()
    if path.is_file():
        return path
    if path.name == str(name_or_path):
        for suffix in _SUFFIXES:
            if (here := find_by_name(path.name + suffix)) is not None:
                return here
    raise UserError(
        f"there are no vectors '{name_or_path}': name the path of a text file, or put it into a "
        f"folder and set RNNLAB_DATA to that, or into {downloads_folder()}; "
        f"GloVe's are in {GLOVE_URL}, to be unpacked"
    )


def read_vectors(path: Path, wanted: Collection[str], *, dim: int | None = None) -> Vectors:
    """Read the vectors of the wanted words; of a word that comes twice, the first.

    Args:
        path: text file of vectors, gzip if its name ends in ".gz".
        wanted: words to look up.
        dim: values that the vectors must have, or None for any number.

    Raises:
        UserError: a line is malformed (file and line are named), the file is cut short or empty,
            or its vectors do not have `dim` values.
    """
    keys = {form.encode("utf-8", "surrogatepass") for w in wanted for form in (w, w.lower())}
    with _opened(path) as file:
        rows, values = _scan(path, file, keys, dim)

    words: list[str] = []
    chosen: list[int] = []
    num_lowercased = 0
    for word in wanted:
        row = rows.get(word.encode("utf-8", "surrogatepass"))
        if row is None:
            row = rows.get(word.lower().encode("utf-8", "surrogatepass"))
            num_lowercased += row is not None
        if row is not None:
            words.append(word)
            chosen.append(row)
    return Vectors(tuple(words), values[chosen], num_lowercased)


def _scan(
    path: Path, file: BinaryIO, keys: set[bytes], dim: int | None
) -> tuple[dict[bytes, int], np.ndarray]:
    """Return the row of each key that the file has, and the rows as float32[rows, D]."""
    import numpy as np

    lines = enumerate(file, start=1)
    width, first = _width(path, lines)
    if dim is not None and width != dim:
        raise UserError(
            f"{path} holds vectors of {width} values, the model's embedding has {dim}: "
            f"set that to {width} or choose other vectors"
        )
    rows: dict[bytes, int] = {}
    numbers: list[int] = []  # line of each row
    values = array("f")
    for number, line in chain(first, lines):
        num_spaces = line.count(b" ")
        if num_spaces == width and not line.endswith(b" \n"):
            word = line[: line.index(b" ")]
        else:
            word = _word_with_spaces(path, number, line, width)
        if word in keys and word not in rows:
            rows[word] = len(numbers)
            numbers.append(number)
            try:
                values.extend(map(float, line[len(word) + 1 :].split()))
            except ValueError as error:
                raise _malformed(path, number, str(error)) from error
            if len(values) != width * len(numbers):
                raise _malformed(path, number, f"not {width} values after the word")
    matrix = np.frombuffer(values, dtype=np.float32).reshape(len(numbers), width)
    not_finite = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if not_finite.size:
        raise _malformed(path, numbers[not_finite[0]], "a value is not finite")
    return rows, matrix


def _width(path: Path, lines: Iterator[tuple[int, bytes]]) -> tuple[int, list[tuple[int, bytes]]]:
    """Return D, and the lines that were read to learn it and hold a vector."""
    number, line = next(lines, (1, b""))
    fields = line.split()
    if header := _WORD2VEC_HEADER.fullmatch(line.strip()):
        return int(header[1]), []
    if len(fields) < 2:
        raise _malformed(path, number, "no word with values")
    try:
        list(map(float, fields[1:]))
    except ValueError as error:
        raise _malformed(path, number, str(error)) from error
    return len(fields) - 1, [(number, line)]


def _word_with_spaces(path: Path, number: int, line: bytes, width: int) -> bytes:
    """Return the word of a line that does not have `width` spaces: GloVe 840B has ". . .".

    Another number before the values means too many values, not a word.
    """
    word, *values = line.rstrip(b" \r\n").rsplit(b" ", width)
    if len(values) != width or not word:
        raise _malformed(path, number, f"{len(line.split()) - 1} values, expected {width}")
    for part in word.split(b" ")[1:]:
        try:
            float(part)
        except ValueError:
            continue
        raise _malformed(path, number, f"more than {width} values")
    return word


def _malformed(path: Path, number: int, what: str) -> UserError:
    return UserError(f"{path}, line {number}: {what}: correct the line or get the file anew")


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        if path.suffix == ".gz":
            with gzip.open(path) as unzipped, io.BufferedReader(unzipped, _BUFFER_BYTES) as file:
                yield file
        else:
            with path.open("rb", _BUFFER_BYTES) as file:
                yield file
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path} is damaged or cut short ({error}): get the file anew") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
