"""The user's own tables: CSV, TSV, JSONL and Parquet, streamed; the extension names the format.

    table = open_table("reviews.csv")
    with open_writer("out.parquet", [*table.columns, "label"], like=table) as writer:
        for chunk in table.chunks():
            writer.write({**chunk.columns, "label": classify(chunk.texts("review"))})

Rows travel in chunks of columns, so memory does not grow with the file. Files that are read must be
UTF-8 text (with or without a byte order mark) or Parquet; every error names the file and the line.
A file that is written appears whole or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from rnnlab.data._table_base import (
    Chunk,
    Column,
    TableReader,
    TableWriter,
    plain_values,
    text_lines,
)
from rnnlab.exceptions import UserError
from rnnlab.files import replacing
from rnnlab.options import nearest

__all__ = [
    "EXTENSIONS",
    "Chunk",
    "Column",
    "TableReader",
    "TableWriter",
    "open_table",
    "open_writer",
    "plain_values",
    "text_lines",
]

EXTENSIONS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
_DELIMITERS = {".csv": ",", ".tsv": "\t"}


def _extension(path: Path) -> str:
    extension = path.suffix.lower()
    if extension not in EXTENSIONS:
        raise UserError(
            f"{path}: '{path.suffix}' is not the extension of a table, "
            f"which is one of {', '.join(EXTENSIONS)}"
        )
    return extension


def open_table(path: str | Path) -> TableReader:
    """Open a table for reading.

    Raises:
        UserError: there is no such file, or it is not a table.
    """
    path = Path(path).expanduser()
    extension = _extension(path)
    if path.is_dir():
        raise UserError(f"{path} is a directory: name a file in it")
    if not path.exists():
        others = path.parent.iterdir() if path.parent.is_dir() else ()
        names = [other.name for other in others if other.suffix.lower() in EXTENSIONS]
        hint = nearest(path.name, names)
        remedy = hint if "did you mean" in hint else ": check the path"
        raise UserError(f"{path}: no such file{remedy}")
    try:
        if extension in _DELIMITERS:
            from rnnlab.data._table_csv import CsvReader

            return CsvReader(path, _DELIMITERS[extension])
        if extension == ".parquet":
            from rnnlab.data._table_parquet import ParquetReader

            return ParquetReader(path)
        from rnnlab.data._table_jsonl import JsonlReader

        return JsonlReader(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error


@contextmanager
def open_writer(
    path: str | Path, columns: Sequence[str], like: TableReader | None = None
) -> Iterator[TableWriter]:
    """Write a table in chunks; it takes its name when the block ends, and not if the block raises.

    Args:
        path: the file; its extension names the format. It may be the table that is being read.
        columns: names of all columns, in order.
        like: the table whose columns pass through: a Parquet file keeps their types. The types of
            other columns are those of their first chunk.

    Raises:
        UserError: the path cannot be written to, or a column is named twice.
    """
    path = Path(path).expanduser()
    extension = _extension(path)
    twice = sorted({name for name in columns if list(columns).count(name) > 1})
    if twice:
        raise UserError(
            f"{path}: two columns would be called {twice[0]!r}: rename that of the input"
        )
    _check_target(path)
    with (
        replacing(path) as temporary,
        closing(_writer(temporary, extension, list(columns), like)) as writer,
    ):
        yield writer


def _writer(
    path: Path, extension: str, columns: list[str], like: TableReader | None
) -> TableWriter:
    if extension in _DELIMITERS:
        from rnnlab.data._table_csv import CsvWriter

        file = path.open("w", encoding="utf-8", newline="")
        return CsvWriter(file, columns, _DELIMITERS[extension])
    if extension == ".parquet":
        from rnnlab.data._table_parquet import ParquetWriter

        return ParquetWriter(path, columns, like.arrow_types() if like else {})
    from rnnlab.data._table_jsonl import JsonlWriter

    return JsonlWriter(path, columns)


def _check_target(path: Path) -> None:
    """Refuse a path that cannot be written to, before any work is done."""
    if path.is_dir():
        raise UserError(f"{path} is a directory: name a file in it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{path.parent} cannot be created: {error.strerror}") from error
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"{path.parent} is not writable: name another directory")
