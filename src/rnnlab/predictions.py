"""Predictions on labelled rows, as a Parquet table: row, label, predicted, one p_LABEL each, and
group where examples belong to groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab.exceptions import UserError
from rnnlab.files import replacing
from rnnlab.metrics import ClassificationMetrics, classification_metrics

_GROUP = "group"


@dataclass(frozen=True)
class PredictedRows:
    """What a model answers on labelled rows.

    Attributes:
        rows: position in the source's split that holds the example, int64[n].
        labels: true classes, int64[n].
        probabilities: float32[n, classes].
        names: of the classes, in the order of the columns.
        groups: what the examples belong to, int64[n], as films of reviews; None where each stands
            for itself.
    """

    rows: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float32]
    names: tuple[str, ...]
    groups: npt.NDArray[np.int64] | None = None

    def metrics(self) -> ClassificationMetrics:
        """Score the answers."""
        return classification_metrics(self.labels, self.probabilities, self.names)

    def write(self, path: Path, further: Mapping[str, npt.NDArray[Any]] | None = None) -> None:
        """Write the table, with further columns at its end."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        names = pa.array(self.names, pa.string())
        columns_of = zip(self.names, self.probabilities.T, strict=True)
        columns = {
            "row": pa.array(self.rows),
            "label": names.take(pa.array(self.labels)),
            "predicted": names.take(pa.array(self.probabilities.argmax(axis=1))),
            **{f"p_{name}": pa.array(column) for name, column in columns_of},
            **({} if self.groups is None else {_GROUP: pa.array(self.groups)}),
            **{name: pa.array(values) for name, values in (further or {}).items()},
        }
        with replacing(path) as temporary:
            pq.write_table(pa.table(columns), temporary)

    @staticmethod
    def read(path: Path, names: tuple[str, ...]) -> PredictedRows:
        """Read a table of predictions over these classes.

        Raises:
            UserError: it is missing or damaged.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        remedy = "`rnnlab evaluate RUN` makes it again"
        try:
            with path.open("rb") as file:
                table = pq.read_table(file)
            index = {name: number for number, name in enumerate(names)}
            return PredictedRows(
                table["row"].to_numpy(),
                np.array([index[name] for name in table["label"].to_pylist()], np.int64),
                np.stack([table[f"p_{name}"].to_numpy() for name in names], axis=1),
                names,
                table[_GROUP].to_numpy() if _GROUP in table.column_names else None,
            )
        except FileNotFoundError as error:
            raise UserError(f"{path}: no predictions here; {remedy}") from error
        except (OSError, KeyError, pa.ArrowException) as error:
            raise UserError(f"{path}: the predictions are damaged; {remedy}") from error
