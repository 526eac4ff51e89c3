"""Label the texts of a table with any trained classifier. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from rnnlab.data.tables import open_table, open_writer
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


def predict_table(
    predictor: Labeller, source: Path, target: Path, column: str | None
) -> dict[str, Any]:
    """Label a table in one pass, row by row in its order; memory does not grow with it.

    Adds the columns label, probability and p_LABEL. A column of the input with such a name is kept
    as input_NAME.

    Args:
        predictor: a trained model.
        source, target: tables; the extensions name the formats.
        column: of the texts; by default the one that the run was trained on, or "text".

    Raises:
        UserError: a table is malformed or has no such column.
    """
    table = open_table(source)
    column = column or predictor.text_column
    table.require(column, "--text")
    added = ["label", "probability", *(f"p_{name}" for name in predictor.labels)]
    kept = {name: f"input_{name}" if name in added else name for name in table.columns}
    tally = Tally()
    with open_writer(target, [*kept.values(), *added], like=table) as writer:
        for chunk in table.chunks():
            result = predictor.predict(chunk.texts(column))
            best = result.probabilities.argmax(axis=1)
            columns = {kept[name]: values for name, values in chunk.columns.items()}
            columns["label"] = [predictor.labels[i] for i in best]
            columns["probability"] = result.probabilities.max(axis=1)
            for number, name in enumerate(predictor.labels):
                columns[f"p_{name}"] = result.probabilities[:, number]
            writer.write(columns)
            tally.add(result)
    return {"output": str(target), **tally.facts(), "max_tokens": predictor.max_tokens}
