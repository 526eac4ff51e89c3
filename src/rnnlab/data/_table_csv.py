"""CSV and TSV, through the strict form of Python's csv module."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, TextIO

from rnnlab.data._table_base import (
    CHUNK_BYTES,
    Chunk,
    Column,
    TableReader,
    TableWriter,
    plain_values,
    refuse_value,
    text_lines,
)
from rnnlab.exceptions import UserError

FIELD_CHARACTERS = 64 << 20


class CsvReader(TableReader):
    """A table with a header line. Blank lines are skipped; quoted fields may span lines.

    The csv module has one limit on the length of a field, 128 KiB, for the whole process. It is
    raised to 64 MiB when the first table is opened and never lowered, since another thread may be
    reading.
    """

    def __init__(self, path: Path, delimiter: str) -> None:
        super().__init__(path)
        self._delimiter = delimiter
        csv.field_size_limit(max(csv.field_size_limit(), FIELD_CHARACTERS))
        header = next(self._rows(), None)
        if header is None:
            raise UserError(f"{path} is empty: its first line must name the columns")
        self.columns = header[1]
        twice = sorted({name for name in self.columns if self.columns.count(name) > 1})
        if twice:
            raise UserError(
                f"{path}, line {header[0]}: two columns are called {twice[0]!r}: rename one"
            )

    def require(self, name: str, setting: str) -> None:
        if len(self.columns) == 1 and ";" in self.columns[0] and self.columns[0] != name:
            raise UserError(
                f"{self.path}: the only column, {self.columns[0]!r}, seems to be separated by ';': "
                f"save the table with {self._delimiter!r} between its fields"
            )
        super().require(name, setting)

    def arrow_types(self) -> dict[str, Any]:
        import pyarrow

        return dict.fromkeys(self.columns, pyarrow.string())

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the line where each row starts and its fields, the header first."""
        with self.path.open("rb") as file:
            rows = csv.reader(text_lines(self.path, file), delimiter=self._delimiter, strict=True)
            line, expected = 1, 0
            try:
                for row in rows:
                    if row and len(row) == (expected or len(row)):
                        expected = len(row)
                        yield line, row
                    elif row and (len(row) > 1 or row[0].strip()):
                        raise UserError(
                            f"{self.path}, line {line}: {len(row)} fields instead of {expected}: "
                            "quote fields that hold the separator or a line end"
                        )
                    line = rows.line_num + 1
            except csv.Error as error:
                raise UserError(f"{self.path}, line {line}: {_explain(str(error))}") from None

    def _chunks(self, size: int, wanted: list[str]) -> Iterator[Chunk]:
        pick = [self.columns.index(name) for name in wanted]
        lines: list[int] = []
        rows: list[list[str]] = []
        characters = 0
        stream = self._rows()
        next(stream)
        for line, row in stream:
            lines.append(line)
            rows.append(row)
            characters += sum(map(len, row))
            if len(rows) >= size or characters >= CHUNK_BYTES:
                yield self._chunk(lines, rows, wanted, pick)
                lines, rows, characters = [], [], 0
        if rows:
            yield self._chunk(lines, rows, wanted, pick)

    def _chunk(
        self, lines: list[int], rows: list[list[str]], wanted: list[str], pick: list[int]
    ) -> Chunk:
        columns = {
            name: list(map(itemgetter(index), rows))
            for name, index in zip(wanted, pick, strict=True)
        }
        return Chunk(self.path, self.unit, lines, columns)


def _explain(problem: str) -> str:
    """Put the csv module's words for a malformed row into a remedy."""
    if "unexpected end of data" in problem:
        return "a quote opens here and never closes: close it, or double a quote inside a field"
    if "field larger than" in problem:
        return "a field is longer than 64 MiB; does a quote open here and never close?"
    if "new-line character" in problem:
        return "a carriage return stands alone: quote the field or use Unix or Windows line ends"
    return f"{problem}: close the quote that opens here, and double a quote inside a field"


class CsvWriter(TableWriter):
    """Rows of text with "\\n" between them; only fields that need quotes are quoted.

    A null is an empty field, a boolean is true or false, a list or an object is its JSON.
    """

    def __init__(self, file: TextIO, columns: list[str], delimiter: str) -> None:
        self.columns = columns
        self._file = file
        self._plain = csv.writer(self._file, delimiter=delimiter, lineterminator="\n")
        # csv does not quote a lone carriage return by itself, and readers take it for a line end.
        self._quoting = csv.writer(
            self._file, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL
        )
        self._write_rows([[name] for name in columns])

    def write(self, columns: Mapping[str, Column]) -> None:
        self._write_rows([_cells(columns[name]) for name in self.columns])

    def _write_rows(self, cells: list[Sequence[str]]) -> None:
        rows = zip(*cells, strict=True)
        if not any("\r" in cell for column in cells for cell in column):
            self._plain.writerows(rows)
            return
        for row in rows:
            writer = self._quoting if any("\r" in cell for cell in row) else self._plain
            writer.writerow(row)

    def close(self) -> None:
        self._file.close()


def _cells(column: Column) -> Sequence[str]:
    values = plain_values(column)
    return values if set(map(type, values)) <= {str} else list(map(_cell, values))


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=refuse_value)
