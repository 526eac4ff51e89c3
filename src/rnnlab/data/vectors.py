"""Pretrained word vectors: text (GloVe, word2vec, fastText's .vec) or word2vec's binary form
(.bin), plain or gzip (.gz); the extension names the form.

A file is read once, as a stream. Only the wanted words are parsed and kept; of all others it is
checked that their vectors have as many values. A word is looked up as it is and then in lower case.

Source: Pennington et al. 2014, "GloVe: Global Vectors for Word Representation" (EMNLP 2014);
Mikolov et al. 2013 (arXiv:1310.4546), word2vec; Bojanowski et al. 2017 (arXiv:1607.04606),
fastText.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from rnnlab.data._vectors_base import VectorFile
from rnnlab.data._vectors_binary import BinaryVectors
from rnnlab.data._vectors_text import TextVectors
from rnnlab.data.download import downloads_folder, find_by_name
from rnnlab.exceptions import UserError
from rnnlab.files import replacing

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

GLOVE_URL = "https://nlp.stanford.edu/data/glove.6B.zip"
FORMS = (".txt", ".vec", ".bin")  # each also with ".gz"
_SUFFIXES = ("", ".gz", *FORMS, *(f"{form}.gz" for form in FORMS))
_BUFFER_BYTES = 1 << 20


@dataclass(frozen=True)
class Vectors:
    """Vectors of those wanted words that a file has.

    Attributes:
        words: the words as they were wanted.
        found_as: as the file has them: the same, or in lower case.
        values: float32[len(words), D], finite, in the order of `words`.
    """

    words: tuple[str, ...]
    found_as: tuple[str, ...]
    values: npt.NDArray[np.float32]

    @property
    def num_lowercased(self) -> int:
        """How many were found in lower case only."""
        return sum(word != found for word, found in zip(self.words, self.found_as, strict=True))


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

    A name may leave out ".txt", ".vec" or ".bin", and ".gz".

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
        f"there are no vectors '{name_or_path}': name the path of a file, or put it into a "
        f"folder and set RNNLAB_DATA to that, or into {downloads_folder()}; "
        f"GloVe's are in {GLOVE_URL}, to be unpacked"
    )


@contextmanager
def open_vectors(path: Path) -> Iterator[VectorFile]:
    """Open a file of vectors; what is not ".bin" or ".bin.gz" is text.

    Raises:
        UserError: it cannot be read, is damaged, or its beginning is malformed.
    """
    with _opened(path) as file:
        yield (BinaryVectors if form_of(path) == ".bin" else TextVectors)(path, file)


def read_vectors(path: Path, wanted: Collection[str], *, dim: int | None = None) -> Vectors:
    """Read the vectors of the wanted words; of a word that comes twice, the first.

    Args:
        path: file of vectors; see `open_vectors`.
        wanted: words to look up.
        dim: values that the vectors must have, or None for any number.

    Raises:
        UserError: the file is malformed (the place is named), cut short or empty, or its vectors
            do not have `dim` values.
    """
    import numpy as np

    keys = {form.encode("utf-8", "surrogatepass") for w in wanted for form in (w, w.lower())}
    rows: dict[bytes, int] = {}
    values: list[npt.NDArray[np.float32]] = []
    with open_vectors(path) as file:
        if dim is not None and file.dim != dim:
            raise UserError(
                f"{path} holds vectors of {file.dim} values, the model's embedding has {dim}: "
                f"set that to {file.dim} or choose other vectors"
            )
        for place, word, raw in file:
            if word in keys and word not in rows:
                rows[word] = len(values)
                values.append(file.values(place, raw))
        matrix = np.stack(values) if values else np.zeros((0, file.dim), np.float32)

    found: list[tuple[str, str, int]] = []
    for word in wanted:
        for form in (word, word.lower()):
            row = rows.get(form.encode("utf-8", "surrogatepass"))
            if row is not None:
                found.append((word, form, row))
                break
    words, found_as, chosen = zip(*found, strict=True) if found else ((), (), [])
    return Vectors(words, found_as, matrix[list(chosen)])


def write_vectors(path: Path, words: Sequence[str], values: npt.NDArray[np.float32]) -> None:
    """Write a file of vectors that gives back the same values, whole or not at all.

    Args:
        path: its extension names the form.
        words: without white space.
        values: float32[len(words), D].
    """
    binary = form_of(path) == ".bin"
    with replacing(path) as temporary, temporary.open("wb") as plain:
        if path.suffix == ".gz":  # without its time of writing: the same vectors, the same bytes
            with gzip.GzipFile("", "wb", fileobj=plain, mtime=0) as file:
                _write(file, binary, words, values)
        else:
            _write(plain, binary, words, values)


def _write(
    file: BinaryIO | gzip.GzipFile,
    binary: bool,
    words: Sequence[str],
    values: npt.NDArray[np.float32],
) -> None:
    file.write(b"%d %d\n" % values.shape)
    for word, row in zip(words, values, strict=True):
        file.write(word.encode("utf-8", "surrogatepass"))
        if binary:
            file.write(b" " + row.astype("<f4").tobytes())
        else:
            file.write(b"".join(b" %.9g" % value for value in row.tolist()) + b"\n")


def form_of(path: Path) -> str:
    """The extension of a file of vectors, ".gz" left out."""
    return Path(path.name.removesuffix(".gz")).suffix


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
