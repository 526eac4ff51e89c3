"""JSON lines: one object a line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

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


class JsonlReader(TableReader):
    """Objects, one a line; blank lines are skipped.

    Objects may differ in their keys, so opening reads the file once: the columns are all keys, in
    order of appearance, and a key that an object lacks is None. A malformed line is thus found
    before any work is done.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._kinds: dict[str, set[type]] = {}
        for _line, _length, row in self._rows():
            for name, value in row.items():
                self._kinds.setdefault(name, set()).add(_kind(value))
        self.columns = list(self._kinds)

    def arrow_types(self) -> dict[str, Any]:
        """Return bool, int64, float64 or string; mixed and nested values are JSON text."""
        import pyarrow

        types = {bool: pyarrow.bool_(), int: pyarrow.int64(), float: pyarrow.float64()}
        chosen = {}
        for name, kinds in self._kinds.items():
            values = kinds - {type(None)}
            if values == {int, float}:
                values = {float}
            chosen[name] = (
                types.get(next(iter(values)), pyarrow.string())
                if len(values) == 1
                else pyarrow.string()
            )
        return chosen

    def _rows(self) -> Iterator[tuple[int, int, dict[str, Any]]]:
        """Yield the line, its length and the object of each row."""
        with self.path.open("rb") as file:
            for number, line in enumerate(text_lines(self.path, file), 1):
                if line.isspace() or not line:
                    continue
                try:
                    yield number, len(line), _parse(line)
                except (ValueError, RecursionError) as error:
                    raise UserError(
                        f"{self.path}, line {number}: {error}: write one JSON object a line"
                    ) from None

    def _chunks(self, size: int, wanted: list[str]) -> Iterator[Chunk]:
        lines: list[int] = []
        rows: list[dict[str, Any]] = []
        characters = 0
        for number, length, row in self._rows():
            lines.append(number)
            rows.append(row)
            characters += length
            if len(rows) >= size or characters >= CHUNK_BYTES:
                yield self._chunk(lines, rows, wanted)
                lines, rows, characters = [], [], 0
        if rows:
            yield self._chunk(lines, rows, wanted)

    def _chunk(self, lines: list[int], rows: list[dict[str, Any]], wanted: list[str]) -> Chunk:
        columns = {name: [row.get(name) for row in rows] for name in wanted}
        return Chunk(self.path, self.unit, lines, columns)


def _kind(value: Any) -> type:
    """Return the type that a Parquet column would need; `object` for what only JSON text holds."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return object
    return type(value)


def _parse(line: str) -> dict[str, Any]:
    """Parse one line; a ValueError says what is wrong with it."""
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error.msg} at character {error.colno})") from None
    if not isinstance(value, dict):
        raise ValueError(f"a JSON {type(value).__name__} instead of an object")
    if "\\ud" in line or "\\uD" in line:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            half = ord(error.object[error.start])
            raise ValueError(f"\\u{half:04x} is half a character") from None
    return value


class JsonlWriter(TableWriter):
    """One object a line, characters unescaped. NaN and infinity, which JSON lacks, become null."""

    def __init__(self, path: Path, columns: list[str]) -> None:
        self.columns = columns
        self._file = path.open("w", encoding="utf-8", newline="\n")
        self._encode = json.JSONEncoder(
            ensure_ascii=False, allow_nan=False, default=refuse_value
        ).encode

    def write(self, columns: Mapping[str, Column]) -> None:
        values = [plain_values(columns[name]) for name in self.columns]
        for row in zip(*values, strict=True):
            value = dict(zip(self.columns, row, strict=True))
            try:
                line = self._encode(value)
            except ValueError:
                line = self._encode(_finite(value))
            self._file.write(line + "\n")

    def close(self) -> None:
        self._file.close()


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
