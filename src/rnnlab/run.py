"""A finished run in Python: `from rnnlab import Run`. Imports torch only to predict."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnlab.display import as_table, shortened
from rnnlab.exceptions import UserError
from rnnlab.train.rundir import RunDirectory, find_runs
from rnnlab.wording import duration, perplexity_text, share

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from rnnlab.figure import NotebookFigure
    from rnnlab.predictor import Predictor

WordWeights = dict[str, list[tuple[str, float]]]

_LISTED = (
    *("directory", "name", "seed", "status", "started"),
    *("accuracy", "macro_f1", "perplexity", "seconds", "parameters"),
)


class Run:
    """A run directory.

    Its files are read when they are asked for. Tables are pandas DataFrames where pandas is
    installed (`pip install 'rnnlab[pandas]'`), else lists of mappings.

    Args:
        path: the directory.

    Raises:
        UserError: there is no run.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser()
        self._run = RunDirectory.open(self.path)

    @classmethod
    def load(cls, path: str | Path) -> Run:
        """The run in a directory.

        Raises:
            UserError: there is none.
        """
        return cls(path)

    @staticmethod
    def list(root: str | Path = "runs") -> Any:
        """A table of the runs in a folder, oldest first."""
        return as_table(find_runs(Path(root).expanduser()), _LISTED)

    @property
    def facts(self) -> dict[str, Any]:
        """What is in run.json: status, figures, versions, machine, identity.

        Raises:
            UserError: the file is damaged.
        """
        return self._run.read()

    @property
    def config(self) -> dict[str, Any]:
        """The resolved config, as nested mappings.

        Raises:
            UserError: the file is damaged.
        """
        from rnnlab.config.load import parse_yaml

        with _reading(self._run.config):
            text = self._run.config.read_text(encoding="utf-8")
        return parse_yaml(text, str(self._run.config))

    @property
    def labels(self) -> tuple[str, ...]:
        """Label names in the order of the probabilities' columns.

        Raises:
            UserError: the run is not finished, or is one of a language model.
        """
        data = self._finished()["data"]
        if "labels" not in data:
            raise UserError(f"{self.path}: a language model, which has no labels")
        return tuple(data["labels"])

    @property
    def epochs(self) -> Any:
        """A table with a row an epoch: losses, accuracies, macro F1; none for a model without.

        Raises:
            UserError: the file is damaged.
        """
        return self._csv("epochs.csv")

    @property
    def timings(self) -> Any:
        """A table with a row an epoch: seconds and tokens per second.

        Raises:
            UserError: the file is damaged.
        """
        return self._csv("timings.csv")

    @property
    def metrics(self) -> dict[str, dict[str, Any]]:
        """The latest evaluation of each split: accuracy, macro F1, loss, per class, confusion.

        Raises:
            UserError: the file is damaged.
        """
        if not self._run.evaluations.is_file():
            return {}
        with _reading(self._run.evaluations), self._run.evaluations.open(encoding="utf-8") as file:
            return {line.pop("split"): line for line in map(json.loads, file)}

    def predictions(self, split: str = "val", *, texts: bool = False) -> Any:
        """A table with a row a text: its row in the data, label, predicted label, probabilities.

        Args:
            split: one that has been evaluated; "val" always has.
            texts: with the raw text; the data must still be there. That it is what it was is
                verified for train and val.

        Raises:
            UserError: the split has not been evaluated, or the texts are not to be had.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self._run.predictions / f"{split}.parquet"
        if not path.is_file():
            raise UserError(
                f"{self.path}: no predictions for '{split}'; run.evaluate('{split}') makes them"
            )
        table = pq.read_table(path)
        if texts:
            from rnnlab.evaluation import split_texts

            found = split_texts(self._run, split)
            if len(found) != len(table):
                raise UserError(f"{self.path}: '{split}' has changed since; evaluate it again")
            table = table.append_column("text", pa.array(found, pa.large_string()))
        return as_table(table.to_pylist(), table.column_names)

    def predict(self, texts: Any) -> npt.NDArray[np.str_]:
        """Return the most probable label of every text.

        Raises:
            ValueError: that is not a list of texts.
            UserError: the run is not finished.
        """
        import numpy as np

        return np.array(self.labels)[self.predict_proba(texts).argmax(axis=1)]

    def predict_proba(self, texts: Any) -> npt.NDArray[np.float32]:
        """Return the probability of every label for every text, columns as `labels`.

        Raises:
            ValueError, UserError: see `predict`.
        """
        from rnnlab.data.memory import checked_texts

        return self._predictor.predict(checked_texts(texts)).probabilities

    def top_words(self, n: int = 20) -> WordWeights:
        """Return, per label, the n-grams that speak most for it; see `Predictor.top_words`.

        Raises:
            UserError: the model is not linear in its words, or the run is not finished.
        """
        return self._predictor.top_words(n)

    def evaluate(self, split: str = "val") -> dict[str, Any]:
        """Score the model on a split and record it; a use of test is counted in the test ledger.

        Raises:
            UserError: the run is not finished, or its data has changed or has no such split.
        """
        from rnnlab.evaluation import evaluate_run

        return evaluate_run(self.path, split)

    def plot(self) -> NotebookFigure:
        """Draw loss and accuracy per epoch: a matplotlib figure, which a notebook shows.

        Raises:
            UserError: the run has no epochs.
        """
        from rnnlab.plots.epochs import draw_curves

        figure = draw_curves(self.path)
        if figure is None:
            raise UserError(f"{self.path}: no epochs to draw")
        return figure

    def __repr__(self) -> str:
        figures = ", ".join(f"{name} {value}" for name, value in self._summary().items())
        return shortened(f"<Run {self.path.name}: {figures}>", 80)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        rows = {"run": str(self.path), **self._summary()}
        cells = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>"
            for name, value in rows.items()
        )
        return f"<table><tbody>{cells}</tbody></table>"

    def _summary(self) -> dict[str, str]:
        try:
            facts, evaluations = self.facts, self.metrics
        except UserError:
            return {"status": "damaged"}
        rows = {"status": str(facts["status"])}
        for split, metrics in evaluations.items():
            if "accuracy" in metrics:
                rows[f"{split} accuracy"] = share(metrics["accuracy"])
            if "perplexity" in metrics:
                rows[f"{split} perplexity"] = perplexity_text(metrics["perplexity"])
        if "seconds" in facts:
            rows["time"] = duration(facts["seconds"])
        if "labels" in facts.get("data", {}):
            rows["labels"] = ", ".join(facts["data"]["labels"])
        return rows

    def _finished(self) -> Mapping[str, Any]:
        facts = self.facts
        if facts["status"] != "completed":
            raise UserError(
                f"{self.path}: the run is not finished ({facts['status']}); "
                "go on with `rnnlab train --resume RUN`"
            )
        return facts

    @cached_property
    def _predictor(self) -> Predictor:
        from rnnlab.predictor import Predictor

        return Predictor.load(RunDirectory.open(self.path).model)

    def _csv(self, name: str) -> Any:
        path = self.path / name
        if not path.is_file():
            return as_table((), ())
        with _reading(path), path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            rows = [{key: _number(text) for key, text in row.items()} for row in reader]
            return as_table(rows, reader.fieldnames or ())


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: damaged ({error}); restore it from a backup") from error


def _number(text: str) -> int | float:
    return int(text) if text.isdecimal() else float(text)
