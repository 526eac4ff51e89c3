"""Your own text files as a stream, for language models: every line is a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from rnnlab import options as base
from rnnlab.data.download import file_sha256
from rnnlab.data.sources import Example
from rnnlab.exceptions import UserError

SUMMARY = "your own UTF-8 text files, a sentence a line, for language models (data.path)"
VERSION = 1


class Options(base.Options):
    """Where the text is.

    Attributes:
        path: the training text.
        val_path: the validation text; by default the last lines of `path`.
        test_path: the test text; by default there is none.
        val_fraction: share of the lines of `path` that is validation where `val_path` is not given.
    """

    path: str
    val_path: str | None = None
    test_path: str | None = None
    val_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.1

    def portable(self) -> Options:
        """The same with paths that hold from any folder."""
        changes = {
            name: str(Path(value).expanduser().absolute())
            for name in ("path", "val_path", "test_path")
            if (value := getattr(self, name)) is not None
        }
        return self.model_copy(update=changes)


def open_source(options: Options) -> LinesSource:
    """Find the files."""
    return LinesSource(options)


class LinesSource:
    """Text files as a source; see `rnnlab.data.sources.Source`.

    Lines end with a line feed; a carriage return before it and a byte order mark at the beginning
    are left out. An empty line is an empty sentence.
    """

    labels: tuple[str, ...] | None = ()
    group_kind: str | None = None

    def __init__(self, options: Options) -> None:
        self.options = options
        chosen = {"train": options.path, "val": options.val_path, "test": options.test_path}
        self.paths = {
            split: Path(path).expanduser() for split, path in chosen.items() if path is not None
        }
        self.splits = ("train", "val", *(["test"] if "test" in self.paths else []))
        self.fingerprint: dict[str, str | int | float] = {
            split: self._hash(split) for split in self.paths
        }
        if "val" not in self.paths:
            self.fingerprint["val_fraction"] = options.val_fraction

    def read(self, split: str) -> Iterator[Example]:
        """Yield the lines of a split in their order."""
        _, lines = self._lines(split)
        if not _has_words(lines):
            raise self._nothing(split)
        yield from (Example(line, None) for line in lines)

    def where(self, split: str, row: int) -> str:
        """Say which line it is, counted from 1."""
        return f"{self.paths.get(split, self.paths['train'])}, line {self._first(split) + row + 1}"

    def _nothing(self, split: str) -> UserError:
        """The error of a split without words."""
        path = self.paths.get(split, self.paths["train"])
        if split == "test" or "val" in self.paths or not _has_words(read_lines(path)):
            return UserError(f"{path}: no words, so nothing for '{split}'; give a file with text")
        return UserError(
            f"{path}: its last lines are validation (data.val_fraction="
            f"{self.options.val_fraction:g}), and no words are left for '{split}'; give more lines "
            "that have words, or validation a file of its own (data.val_path)"
        )

    def _hash(self, split: str) -> str:
        path = self.paths[split]
        try:
            return file_sha256(path)
        except OSError as error:
            key = "data.path" if split == "train" else f"data.{split}_path"
            raise UserError(f"{key}: {path}: cannot be read: {error.strerror}") from error

    def _first(self, split: str) -> int:
        return 0 if split in self.paths and split != "train" else self._lines(split)[0]

    def _lines(self, split: str) -> tuple[int, list[str]]:
        """The lines of a split, and how many of its file come before them."""
        if split in self.paths and (split != "train" or "val" in self.paths):
            return 0, read_lines(self.paths[split])
        lines = read_lines(self.paths["train"])
        cut = max(0, len(lines) - max(1, round(self.options.val_fraction * len(lines))))
        return (0, lines[:cut]) if split == "train" else (cut, lines[cut:])


def read_lines(path: Path) -> list[str]:
    """The lines of a UTF-8 text file; see `LinesSource`.

    Raises:
        UserError: it is not UTF-8; the line and the byte are named.
        OSError: it cannot be read.
    """
    data = path.read_bytes()
    try:
        text = data.decode().removeprefix("\ufeff")  # the byte order mark
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path}, line {line}: byte {error.start} of the file (0x{data[error.start]:02x}) is "
            "not UTF-8; convert the file first"
        ) from error
    lines = text.removesuffix("\n").split("\n") if text else []
    return [line.removesuffix("\r") for line in lines]


def _has_words(lines: Iterable[str]) -> bool:
    return any(line.strip() for line in lines)
