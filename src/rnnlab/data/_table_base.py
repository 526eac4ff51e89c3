"""What every table format shares: chunks of rows, a reader, a writer, and lines of UTF-8 text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, TypeAlias

from rnnlab.exceptions import UserError
from rnnlab.options import nearest

CHUNK_ROWS = 2048
CHUNK_BYTES = 16 << 20  # a chunk of very long texts ends early
LINE_BYTES = 256 << 20

Column: TypeAlias = Any
"""The values of one column: a list, a tuple, a NumPy array or an Arrow array."""


def plain_values(column: Column) -> Sequence[Any]:
    """Return a column as Python values: str, int, float, bool, None, list or dict.

    Raises:
        UserError: an Arrow value has no such form.
    """
    if isinstance(column, list | tuple):
        return column
    if hasattr(column, "to_pylist"):
        from rnnlab.data._table_parquet import python_values

        return python_values(column)
    return column.tolist()


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some consecutive rows of a table, column by column.

    Attributes:
        path: the file they come from.
        unit: what `lines` counts, "line" or "row".
        lines: where each row starts in the file, from 1.
        columns: the values of each column that was asked for, in the table's order.
    """

    path: Path
    unit: str
    lines: Sequence[int]
    columns: dict[str, Column]

    def __len__(self) -> int:
        return len(self.lines)

    def where(self, index: int) -> str:
        """Say where row `index` of this chunk stands ("data/reviews.csv, line 12")."""
        return f"{self.path}, {self.unit} {self.lines[index]}"

    def values(self, name: str) -> Sequence[Any]:
        """Return one column as Python values.

        Raises:
            UserError: the column's values have no plain form.
        """
        try:
            return plain_values(self.columns[name])
        except UserError as error:
            raise UserError(f"{self.where(0)} or after, column {name!r}: {error}") from error

    def texts(self, name: str) -> list[str]:
        """Return one column as texts; a null is an empty text.

        Raises:
            UserError: a value is neither a string nor null.
        """
        values = self.values(name)
        if not set(map(type, values)) <= {str, type(None)}:
            for index, value in enumerate(values):
                if not isinstance(value, str | None):
                    raise UserError(
                        f"{self.where(index)}: column {name!r} holds {type(value).__name__} "
                        "instead of text: name the column that holds the texts"
                    )
        return [value or "" for value in values]


class TableReader(ABC):
    """A table on disk, read in order and in chunks; each pass opens the file anew.

    Attributes:
        path: the file.
        columns: names of all its columns, in order.
    """

    unit: ClassVar[str] = "line"
    columns: list[str]

    def __init__(self, path: Path) -> None:
        self.path = path

    def require(self, name: str, setting: str) -> None:
        """Check that a column exists.

        Args:
            name: the column.
            setting: what the user sets to choose it ("data.text").

        Raises:
            UserError: there is no such column.
        """
        if name in self.columns:
            return
        hint = nearest(name, self.columns)
        raise UserError(
            f"{self.path}: no column {name!r} among {', '.join(map(repr, self.columns))}; "
            f"set {setting} to one of them{hint if 'did you mean' in hint else ''}"
        )

    def chunks(
        self, size: int = CHUNK_ROWS, columns: Sequence[str] | None = None
    ) -> Iterator[Chunk]:
        """Yield the rows in order, at most `size` at a time.

        Args:
            size: rows per chunk; chunks of long texts hold fewer.
            columns: names of the columns wanted, all of which must exist; None for all.

        Raises:
            UserError: the file is malformed or has no rows.
        """
        wanted = self.columns if columns is None else [c for c in self.columns if c in columns]
        empty = True
        for chunk in self._chunks(size, wanted):
            empty = False
            yield chunk
        if empty:
            raise UserError(f"{self.path}: no rows: a table needs at least one below its header")

    @abstractmethod
    def arrow_types(self) -> dict[str, Any]:
        """Return the Arrow type that holds every value of each column."""

    @abstractmethod
    def _chunks(self, size: int, wanted: list[str]) -> Iterator[Chunk]:
        """Yield non-empty chunks of the wanted columns."""


class TableWriter(ABC):
    """A table being written; use it through `rnnlab.data.tables.open_writer`.

    Attributes:
        columns: names of its columns, in order.
    """

    columns: list[str]

    @abstractmethod
    def write(self, columns: Mapping[str, Column]) -> None:
        """Append rows, given as one equally long sequence of values per column.

        Raises:
            UserError: the format cannot hold a value.
            ValueError: the columns are not equally long.
        """

    @abstractmethod
    def close(self) -> None:
        """Finish the file."""


def refuse_value(value: object) -> str:
    """Raise for a value that is neither text nor JSON (bytes)."""
    raise UserError(
        f"a value of type {type(value).__name__} cannot be written as text: write a .parquet file"
    )


def text_lines(path: Path, file: BinaryIO) -> Iterator[str]:
    """Yield the lines of a UTF-8 file, ends kept; a byte order mark at the start is dropped.

    Raises:
        UserError: a line is not UTF-8, holds a NUL byte or is longer than 256 MiB.
    """
    for number, raw in enumerate(iter(partial(file.readline, LINE_BYTES), b""), 1):
        if len(raw) == LINE_BYTES:
            raise UserError(
                f"{path}, line {number}: longer than {LINE_BYTES >> 20} MiB: is this a table?"
            )
        try:
            line = raw.decode()
        except UnicodeDecodeError as error:
            raise UserError(
                f"{path}, line {number}: byte 0x{raw[error.start]:02x} is not UTF-8: "
                "save the file as UTF-8"
            ) from None
        if "\0" in line:
            raise UserError(f"{path}, line {number}: holds a NUL byte: save the file as UTF-8 text")
        yield line.removeprefix("\ufeff") if number == 1 else line
