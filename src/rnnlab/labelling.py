"""Label the texts of a table with any trained classifier. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from rnnlab.data.tables import Chunk, TableReader, TableWriter, open_table, open_writer
from rnnlab.exceptions import UserError
from rnnlab.predictor import Predictions, Tally

if TYPE_CHECKING:
    from rnnlab.data.dataset import Dataset

_CHUNK_TEXTS = 2048
_Part: TypeAlias = tuple[Sequence[str], Callable[[npt.NDArray[np.float32]], dict[str, Any]]]
"""Texts, and from their probabilities to the columns that are written."""


class Labeller(Protocol):
    """A trained model, an ensemble, or an exported model."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Names in the order of the probabilities' columns."""
        ...

    @property
    def text_column(self) -> str:
        """Of a table, unless another is named."""
        ...

    @property
    def max_tokens(self) -> int | None:
        """Longer texts are cut; None for full length."""
        ...

    def predict(self, texts: Sequence[str]) -> Predictions:
        """Classify texts; empty ones and those of any length too."""
        ...


class LabelledColumns:
    """The columns of a table and the model's: label, probability and p_LABEL.

    A column of the input with such a name is kept as input_NAME.

    Args:
        table: the input.
        labels: of the model.
    """

    def __init__(self, table: TableReader, labels: tuple[str, ...]) -> None:
        self._labels = labels
        added = ["label", "probability", *(f"p_{name}" for name in labels)]
        self._kept = {name: f"input_{name}" if name in added else name for name in table.columns}
        self.names = [*self._kept.values(), *added]

    def of(self, chunk: Chunk, probabilities: npt.NDArray[np.float32]) -> dict[str, Any]:
        """The values of a chunk, by name."""
        columns = {self._kept[name]: values for name, values in chunk.columns.items()}
        return columns | _answers(self._labels, probabilities)


def predict_table(
    predictor: Labeller,
    source: Path,
    target: Path,
    column: str | None,
    see: Callable[[Sequence[str]], None],
    *,
    least: float = 0.0,
) -> dict[str, Any]:
    """Label a table in one pass, row by row in its order; memory does not grow with it.

    Args:
        predictor: a trained model.
        source, target: tables; the extensions name the formats.
        column: of the texts; by default the one that the run was trained on, or "text".
        see: is given the texts as they are labelled.
        least: texts whose label is less probable than this are left out.

    Raises:
        UserError: a table is malformed or has no such column.
    """
    table = open_table(source)
    column = column or predictor.text_column
    table.require(column, "--text")
    columns = LabelledColumns(table, predictor.labels)
    parts = ((chunk.texts(column), partial(columns.of, chunk)) for chunk in table.chunks())
    with open_writer(target, columns.names, like=table) as writer:
        facts = _label(predictor, parts, writer, see, least)
    return {"output": str(target), **facts}


def predict_split(
    predictor: Labeller,
    dataset: Dataset,
    split: str,
    target: Path,
    see: Callable[[Sequence[str]], None],
    *,
    least: float = 0.0,
) -> dict[str, Any]:
    """Label the texts of a data set's split into a table: row (in the split), text, label,
    probability and p_LABEL. The other arguments and errors are those of `predict_table`."""
    if split not in dataset.splits:
        known = ", ".join(dataset.splits)
        raise UserError(f"--split: {dataset.name} has no split '{split}'; it has {known}")
    texts, rows = dataset.texts(dataset.holder(split)), dataset.rows(split)
    names = ["row", "text", "label", "probability", *(f"p_{name}" for name in predictor.labels)]

    def parts() -> Iterator[_Part]:
        for start in range(0, len(rows), _CHUNK_TEXTS):
            part = rows[start : start + _CHUNK_TEXTS]
            some = texts.texts(part)
            own = {"row": part, "text": some}
            yield some, lambda found, own=own: own | _answers(predictor.labels, found)

    with open_writer(target, names) as writer:
        facts = _label(predictor, parts(), writer, see, least)
    return {"output": str(target), **facts}


def _label(
    predictor: Labeller,
    parts: Iterable[_Part],
    writer: TableWriter,
    see: Callable[[Sequence[str]], None],
    least: float,
) -> dict[str, Any]:
    """Label texts part by part and write those whose label is probable enough; count them."""
    tally, kept = Tally(), 0
    for texts, columns_of in parts:
        see(texts)
        result = predictor.predict(texts)
        kept += _write_sure(writer, columns_of(result.probabilities), least)
        tally.add(result)
    return {"kept": kept, **tally.facts(), "max_tokens": predictor.max_tokens}


def _answers(labels: tuple[str, ...], probabilities: npt.NDArray[np.float32]) -> dict[str, Any]:
    """Columns of what a model answers."""
    return {
        "label": [labels[i] for i in probabilities.argmax(axis=1)],
        "probability": probabilities.max(axis=1),
        **{f"p_{name}": probabilities[:, number] for number, name in enumerate(labels)},
    }


def _write_sure(writer: TableWriter, columns: dict[str, Any], least: float) -> int:
    """Write the rows whose label is probable enough; return how many those are."""
    rows = np.flatnonzero(columns["probability"] >= least)
    if len(rows):
        writer.write({name: _some(column, rows) for name, column in columns.items()})
    return len(rows)


def _some(column: Any, rows: npt.NDArray[np.int64]) -> Any:
    """Rows of a column of any kind."""
    if len(rows) == len(column):
        return column
    if hasattr(column, "take"):  # NumPy's or Arrow's
        return column.take(rows)
    return [column[row] for row in rows.tolist()]
