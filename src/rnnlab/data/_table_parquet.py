"""Parquet, through pyarrow. Imported only when a Parquet file is read or written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rnnlab.data._table_base import (
    CHUNK_BYTES,
    Chunk,
    Column,
    TableReader,
    TableWriter,
    plain_values,
    refuse_value,
)
from rnnlab.exceptions import UserError

_ROW_GROUP_ROWS = 16384


class ParquetReader(TableReader):
    """A Parquet file; its columns stay Arrow arrays, so that types and values pass through."""

    unit = "row"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with self._reading() as file:
            self._schema = file.schema_arrow
        self.columns = self._schema.names
        twice = [left for left, right in pairwise(sorted(self.columns)) if left == right]
        if twice:
            raise UserError(f"{path}: two columns are called {twice[0]!r}: rename one")

    def arrow_types(self) -> dict[str, Any]:
        return {field.name: field.type for field in self._schema}

    def _reading(self) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(self.path)
        except PermissionError:
            raise
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> UserError:
        reason = str(error).partition("\n")[0].rstrip(".")
        return UserError(f"{self.path} is not a whole Parquet file ({reason}): write it again")

    def _chunks(self, size: int, wanted: list[str]) -> Iterator[Chunk]:
        first = 1
        with self._reading() as file:
            batches = file.iter_batches(_batch_rows(file.metadata, size), columns=wanted)
            while True:
                try:
                    batch = next(batches, None)
                except (pa.ArrowException, OSError) as error:
                    raise self._damaged(error) from error
                if batch is None:
                    return
                if batch.num_rows:
                    columns = {name: batch.column(name) for name in wanted}
                    lines = range(first, first + batch.num_rows)
                    yield Chunk(self.path, self.unit, lines, columns)
                    first += batch.num_rows


def _batch_rows(metadata: pq.FileMetaData, size: int) -> int:
    """Return how many rows of this file fit in a chunk."""
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    widest = max((group.total_byte_size // max(1, group.num_rows) for group in groups), default=0)
    return max(1, min(size, CHUNK_BYTES // max(1, widest)))


def python_values(array: pa.Array) -> list[Any]:
    """Return an Arrow array as Python values; dates, times and decimals as text.

    Raises:
        UserError: a text is not UTF-8, or a nested time has no Python form.
    """
    try:
        if pa.types.is_temporal(array.type) or pa.types.is_decimal(array.type):
            array = array.cast(pa.string())
        return array.to_pylist()
    except (pa.ArrowException, ValueError) as error:
        raise UserError(
            f"a value of type {array.type} has no plain form ({error}): store UTF-8 text or numbers"
        ) from error


class ParquetWriter(TableWriter):
    """Row groups of up to 16,384 rows, or of 16 MiB.

    Args:
        path: the file.
        columns: names of all columns.
        types: Arrow types of the columns whose type is known; the first rows tell the others.
    """

    def __init__(self, path: Path, columns: list[str], types: Mapping[str, pa.DataType]) -> None:
        self.columns = columns
        self._path = path
        self._types = {name: types[name] for name in columns if name in types}
        self._pending: list[pa.RecordBatch] = []
        self._writer: pq.ParquetWriter | None = None

    def write(self, columns: Mapping[str, Column]) -> None:
        arrays = []
        for name in self.columns:
            if name not in self._types:
                self._types[name] = _first_type(columns[name])
            arrays.append(_array(columns[name], self._types[name]))
        self._pending.append(pa.record_batch(arrays, schema=self._schema()))
        rows = sum(batch.num_rows for batch in self._pending)
        size = sum(batch.nbytes for batch in self._pending)
        if rows >= _ROW_GROUP_ROWS or size >= CHUNK_BYTES:
            self._flush()

    def close(self) -> None:
        self._flush()
        if self._writer is not None:
            self._writer.close()

    def _schema(self) -> pa.Schema:
        return pa.schema([(name, self._types.get(name, pa.string())) for name in self.columns])

    def _flush(self) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, self._schema())
        if self._pending:
            self._writer.write_table(pa.Table.from_batches(self._pending))
            self._pending = []


def _first_type(column: Column) -> pa.DataType:
    """Return the type of a column from its first rows: text where Arrow sees no single type."""
    try:
        found = pa.array(column).type
    except pa.ArrowException:
        return pa.string()
    if pa.types.is_floating(found):
        return pa.float64()
    return pa.string() if pa.types.is_null(found) else found


def _array(column: Column, kind: pa.DataType) -> pa.Array:
    """Return a column as an Arrow array of one type."""
    if isinstance(column, pa.Array):
        return column if column.type == kind else column.cast(kind)
    values = plain_values(column)
    if pa.types.is_string(kind):
        values = [_text(value) for value in values]
    elif pa.types.is_float64(kind):
        values = [None if value is None else float(value) for value in values]
    return pa.array(values, kind)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=refuse_value)
