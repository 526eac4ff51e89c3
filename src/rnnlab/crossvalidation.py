"""k-fold cross-validation: every labelled training example is predicted by a model that did not
see it.

Folds are cut from the whole of train; a data set's own validation and test parts are left alone.
Each fold is a run like any other, with `data.validation.fold` in its config.
"""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab import compose
from rnnlab.config.schema import Config, Fold
from rnnlab.data.dataset import Dataset
from rnnlab.exceptions import UserError
from rnnlab.files import sha256_json, write_json
from rnnlab.intervals import Interval, accuracy_interval, macro_f1_interval
from rnnlab.metrics import ClassificationMetrics
from rnnlab.predictions import PredictedRows
from rnnlab.series import MakeWatcher, train_series


@dataclass(frozen=True)
class FoldResult:
    """One fold, predicted by a model that was trained on the others.

    Attributes:
        fold: its number, from 1.
        run: directory.
        examples: in the fold.
        accuracy, macro_f1, loss: on the fold.
        last_epoch_accuracy: after the last epoch instead of the best one; None for models
            without epochs.
    """

    fold: int
    run: str
    examples: int
    accuracy: float
    macro_f1: float
    loss: float
    last_epoch_accuracy: float | None


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation (n - 1) over folds.

    Folds share most of their training data, so the deviation divided by the root of their number
    is not a standard error.
    """

    mean: float
    deviation: float


@dataclass(frozen=True)
class CrossValidation:
    """What cross-validation found.

    Attributes:
        directory: holds predictions.parquet and cv.json.
        folds: one result each.
        groups: what stayed whole ("film"), or None.
        out_of_fold: metrics over all examples.
        accuracy_interval, macro_f1_interval: 95 %, over the choice of examples (or whole groups).
        last_epoch_accuracy: over all examples, with each fold's last epoch instead of its best.
            The best is chosen on the fold itself, which flatters; None for models without epochs.
        spread: of accuracy, macro_f1 and loss over folds.
    """

    directory: str
    folds: list[FoldResult]
    groups: str | None
    out_of_fold: ClassificationMetrics
    accuracy_interval: Interval
    macro_f1_interval: Interval
    last_epoch_accuracy: float | None
    spread: dict[str, Spread]

    def to_dict(self) -> dict[str, Any]:
        """As JSON values; the metrics over all examples stand at the top."""
        facts = asdict(self)
        return {**facts.pop("out_of_fold"), **facts}


def cross_validate(
    config: Config, *, folds: int, runs_root: Path, make_watcher: MakeWatcher
) -> CrossValidation:
    """Train the runs of all folds that are missing, and put their predictions together.

    Args:
        config: of the runs; `data.validation.seed` and `.by` say how the folds are cut.
        folds: how many.
        runs_root: folder of the run directories and of the result.
        make_watcher: gives a watcher for a run's title.

    Raises:
        UserError: the data cannot be cut so, or the config names a fold itself.
        Interrupted: the user stopped it; called again, it goes on.
        Diverged: see `rnnlab.runner.train_run`.
    """
    if config.data.validation.fold is not None:
        raise UserError("data.validation.fold is set by cv for each run; leave it out")
    planned = [(f"fold {n} of {folds}", _with_fold(config, n, folds)) for n in range(1, folds + 1)]
    dataset = compose.dataset_of(planned[0][1])
    numbers = dataset.folds(folds)
    _require_labels_in_two_folds(dataset, numbers)
    done = train_series(planned, runs_root=runs_root, make_watcher=make_watcher)
    answers = _put_together(done, len(numbers))
    digest = sha256_json([facts["hash"] for facts in done])
    directory = runs_root / f"{config.name}-cv{folds}-{digest[:8]}-s{config.seed}"
    answers.write(directory / "predictions.parquet", {"fold": numbers})
    results = [_fold_result(number, facts) for number, facts in enumerate(done, 1)]
    predicted = answers.probabilities.argmax(axis=1)
    result = CrossValidation(
        directory=str(directory),
        folds=results,
        groups=None if dataset.groups is None else dataset.source.group_kind,
        out_of_fold=answers.metrics(),
        accuracy_interval=accuracy_interval(predicted == answers.labels, dataset.groups),
        macro_f1_interval=macro_f1_interval(
            answers.labels, predicted, len(answers.names), dataset.groups
        ),
        last_epoch_accuracy=_last_epoch_accuracy(results),
        spread={
            name: spread_of([getattr(fold, name) for fold in results])
            for name in ("accuracy", "macro_f1", "loss")
        },
    )
    write_json(directory / "cv.json", result.to_dict())
    return result


def spread_of(values: list[float]) -> Spread:
    """Mean and standard deviation of two or more figures."""
    return Spread(float(np.mean(values)), float(np.std(values, ddof=1)))


def _with_fold(config: Config, number: int, count: int) -> Config:
    cut = config.data.validation.model_copy(update={"fold": Fold(number=number, of=count)})
    data = config.data.model_copy(update={"validation": cut})
    return config.model_copy(update={"data": data})


def _require_labels_in_two_folds(dataset: Dataset, numbers: npt.NDArray[np.int64]) -> None:
    """Refuse before anything is trained what would stop a run half way through."""
    train = dataset.texts("train")
    for index, name in enumerate(train.facts["labels"]):
        rows = np.flatnonzero(train.labels == index)
        if len(rows) and len(np.unique(numbers[rows])) == 1:
            place = dataset.source.where("train", int(rows[0]))
            raise UserError(
                f"{place}: label '{name}' is in fold {numbers[rows[0]]} alone, and no other fold "
                "can teach it; leave its rows out, or set data.validation.by=example"
            )


def _put_together(done: list[dict[str, Any]], examples: int) -> PredictedRows:
    """The folds' predictions in the order of the input."""
    names = tuple(done[0]["data"]["labels"])
    paths = [Path(facts["run"]) / "predictions" / "val.parquet" for facts in done]
    parts = [PredictedRows.read(path, names) for path in paths]
    rows = np.concatenate([part.rows for part in parts])
    order = np.argsort(rows, kind="stable")
    if not np.array_equal(rows[order], np.arange(examples)):
        raise UserError(
            f"the predictions in {paths[0].parents[1]} and the other folds' runs do not cover each "
            "row once; `rnnlab evaluate RUN` makes those of a run again"
        )
    return PredictedRows(
        rows[order],
        np.concatenate([part.labels for part in parts])[order],
        np.concatenate([part.probabilities for part in parts])[order],
        names,
    )


def _fold_result(number: int, facts: dict[str, Any]) -> FoldResult:
    val = facts["val"]
    epochs = Path(facts["run"]) / "epochs.csv"
    last = None
    if epochs.is_file():
        with epochs.open(encoding="utf-8", newline="") as file:
            last = float(list(csv.DictReader(file))[-1]["val_accuracy"])
    figures = {key: val[key] for key in ("examples", "accuracy", "macro_f1", "loss")}
    return FoldResult(number, facts["run"], **figures, last_epoch_accuracy=last)


def _last_epoch_accuracy(results: list[FoldResult]) -> float | None:
    hits = 0.0
    for fold in results:
        if fold.last_epoch_accuracy is None:
            return None
        hits += fold.last_epoch_accuracy * fold.examples
    return hits / sum(fold.examples for fold in results)
