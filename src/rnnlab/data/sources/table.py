"""The user's own table, or one per split: CSV, TSV, JSONL or Parquet."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rnnlab.data.balance import shown_label
from rnnlab.data.download import file_sha256
from rnnlab.data.labels import normalise_label
from rnnlab.data.sources import Example
from rnnlab.data.tables import Chunk, TableReader, open_table
from rnnlab.exceptions import UserError
from rnnlab.options import Options as BaseOptions

SUMMARY = "your own CSV, TSV, JSONL or Parquet file: set data.path"
VERSION = 1

MAX_LABELS = 1000
MIN_ROWS_TO_JUDGE = 20
DISTINCT_SHARE = 0.9


class Options(BaseOptions):
    """Files and columns.

    Attributes:
        path: the table to train on.
        text: column of the texts.
        label: column of the labels, whole numbers or names.
        group: column of what must not be split between train and validation, or None.
        validation_path: a table to validate on; without it a part of train is set aside.
        test_path: a table to test on.
    """

    path: str | None = None
    text: str = "text"
    label: str = "label"
    group: str | None = None
    validation_path: str | None = None
    test_path: str | None = None

    def portable(self) -> Options:
        """The same settings with paths that hold from any folder."""
        paths = {
            name: str(Path(path).expanduser().absolute())
            for name in ("path", "validation_path", "test_path")
            if (path := getattr(self, name))
        }
        return self.model_copy(update=paths)


def open_source(options: Options) -> TableSource:
    """Open the tables and check their columns.

    Raises:
        UserError: a path or a column is missing, or a file is not a table.
    """
    if not options.path:
        raise UserError("data.path is not set: give a table, as in data.path=reviews.csv")
    if options.text == options.label:
        raise UserError(
            f"data.text and data.label are both {options.text!r}: name two different columns"
        )
    paths = {"train": options.path, "val": options.validation_path, "test": options.test_path}
    return TableSource(options, {split: open_table(path) for split, path in paths.items() if path})


class TableSource:
    """A data set in tables of the user's; see `rnnlab.data.sources.Source`.

    An empty text is an example like any other; a null one (JSONL, Parquet) is an error. A row
    without a group, or in a table without that column other than train, is a group of its own.
    """

    labels: tuple[str, ...] | None = None

    def __init__(self, options: Options, tables: dict[str, TableReader]) -> None:
        self.splits = tuple(tables)
        self.group_kind = options.group
        self._options = options
        self._tables = tables
        self._lines: dict[str, array[int]] = {}
        for split, table in tables.items():
            table.require(options.text, "data.text")
            table.require(options.label, "data.label")
            if options.group is not None and split == "train":
                table.require(options.group, "data.group")
        self.fingerprint: dict[str, str | int | float] = {
            "text": options.text,
            "label": options.label,
            "group": options.group or "",
        }
        for split, table in tables.items():
            self.fingerprint[f"{split}_format"] = table.path.suffix.lower()
            self.fingerprint[f"{split}_sha256"] = file_sha256(table.path)

    def read(self, split: str) -> Iterator[Example]:
        """Yield the rows of one table in order.

        Raises:
            UserError: a row is malformed (file and line are named), or the labels of train cannot
                be classes.
        """
        judge = _LabelJudge(self._tables[split].path, self._options.label)
        for chunk in self._chunks(split):
            texts = self._texts(chunk)
            labels = self._labels_of(chunk, judge if split == "train" else None)
            groups = self._groups(chunk)
            yield from map(Example, texts, labels, groups)
        if split == "train":
            judge.finish()

    def table(self, split: str) -> TableReader:
        """The table that holds a split."""
        return self._tables[split]

    def where(self, split: str, row: int) -> str:
        """Say where a row is ("reviews.csv, line 12"); the first call reads the table once."""
        table = self._tables[split]
        if split not in self._lines:
            self._lines[split] = array("q")
            for chunk in table.chunks(columns=[self._options.label]):
                self._lines[split].extend(chunk.lines)
        return f"{table.path.name}, {table.unit} {self._lines[split][row]}"

    def _chunks(self, split: str) -> Iterator[Chunk]:
        names = [self._options.text, self._options.label]
        if self._options.group is not None:
            names.append(self._options.group)
        return self._tables[split].chunks(columns=names)

    def _texts(self, chunk: Chunk) -> list[str]:
        values = chunk.values(self._options.text)
        if None in values:
            raise UserError(
                f"{chunk.where(values.index(None))}: column {self._options.text!r} has no text: "
                "fill it in or leave the row out"
            )
        return chunk.texts(self._options.text)

    def _labels_of(self, chunk: Chunk, judge: _LabelJudge | None) -> list[str]:
        labels = []
        for index, value in enumerate(chunk.values(self._options.label)):
            try:
                label = normalise_label(value)
            except ValueError as error:
                raise UserError(
                    f"{chunk.where(index)}, column {self._options.label!r}: {error}; "
                    "correct the row, or set data.label to the column of the labels"
                ) from None
            labels.append(label)
        if judge is not None:
            judge.see(labels)
        return labels

    def _groups(self, chunk: Chunk) -> list[str | None]:
        if self._options.group is None or self._options.group not in chunk.columns:
            return [None] * len(chunk)
        return [_group(value) for value in chunk.values(self._options.group)]


def _group(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


class _LabelJudge:
    """Whether the labels of train can be classes.

    Args:
        path: the table.
        column: its column of labels.
    """

    def __init__(self, path: Path, column: str) -> None:
        self._path = path
        self._column = column
        self._distinct: set[str] = set()
        self._rows = 0

    def see(self, labels: list[str]) -> None:
        """Take in some rows.

        Raises:
            UserError: there are more labels than any classifier here is for.
        """
        self._distinct.update(labels)
        self._rows += len(labels)
        if len(self._distinct) > MAX_LABELS:
            self._refuse()

    def finish(self) -> None:
        """Judge the whole column.

        Raises:
            UserError: there is one class only, or nearly every row has a class of its own.
        """
        if self._rows >= MIN_ROWS_TO_JUDGE and len(self._distinct) > DISTINCT_SHARE * self._rows:
            self._refuse()
        if len(self._distinct) == 1:
            (label,) = self._distinct
            raise UserError(
                f"{self._path}: every row of column {self._column!r} has the label "
                f"{shown_label(label)}: a classifier needs two"
            )

    def _refuse(self) -> None:
        example = shown_label(min(self._distinct))
        raise UserError(
            f"{self._path}: column {self._column!r} does not look like labels: "
            f"{len(self._distinct):,} different values in the first {self._rows:,} rows, such as "
            f"{example}; set data.label to the column of the labels"
        )
