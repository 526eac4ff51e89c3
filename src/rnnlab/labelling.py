"""Label the texts of a table with any trained classifier. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rnnlab.data.tables import Chunk, TableReader, open_table, open_writer
from rnnlab.predictor import Predictions, Tally


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
        columns["label"] = [self._labels[i] for i in probabilities.argmax(axis=1)]
        columns["probability"] = probabilities.max(axis=1)
        for number, name in enumerate(self._labels):
            columns[f"p_{name}"] = probabilities[:, number]
        return columns


def predict_table(
    predictor: Labeller,
    source: Path,
    target: Path,
    column: str | None,
    see: Callable[[Sequence[str]], None],
) -> dict[str, Any]:
    """Label a table in one pass, row by row in its order; memory does not grow with it.

    Args:
        predictor: a trained model.
        source, target: tables; the extensions name the formats.
        column: of the texts; by default the one that the run was trained on, or "text".
        see: is given the texts as they are labelled.

    Raises:
        UserError: a table is malformed or has no such column.
    """
    table = open_table(source)
    column = column or predictor.text_column
    table.require(column, "--text")
    columns = LabelledColumns(table, predictor.labels)
    tally = Tally()
    with open_writer(target, columns.names, like=table) as writer:
        for chunk in table.chunks():
            texts = chunk.texts(column)
            see(texts)
            result = predictor.predict(texts)
            writer.write(columns.of(chunk, result.probabilities))
            tally.add(result)
    return {"output": str(target), **tally.facts(), "max_tokens": predictor.max_tokens}
