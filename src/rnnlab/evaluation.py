"""Score and use finished runs, and keep a record of it."""

from __future__ import annotations

from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rnnlab import compose
from rnnlab.data.reader import Encoded
from rnnlab.ensemble import Ensemble, EnsemblePredictor, average, is_ensemble
from rnnlab.environment import available_cores, use_threads
from rnnlab.exceptions import UserError
from rnnlab.language_evaluation import evaluate_stream, is_language_model
from rnnlab.predictions import PredictedRows
from rnnlab.predictor import Predictor
from rnnlab.run_records import (
    enter_in_ledger,
    record_evaluation,
    run_config,
    same_data,
)
from rnnlab.train.rundir import RunDirectory, model_folder


class _Answers(NamedTuple):
    """What a run answers on a split.

    Attributes:
        data: name of the data set.
        content: SHA-256 of the split that holds the texts.
        predicted: rows and probabilities.
        texts: facts about what was read.
    """

    data: str
    content: str
    predicted: PredictedRows
    texts: dict[str, Any]


def evaluate_run(
    path: Path, split: str, window: int | None = None, *, adapt: bool = False
) -> dict[str, Any]:
    """Score a finished run or an ensemble on a split; record it, in the ledger too if it is test.

    Args:
        path: the run's or ensemble's directory.
        split: of its data set.
        window: of a language model alone: steps computed at a time.
        adapt: of a language model alone: see `rnnlab.language_evaluation.evaluate_stream`.

    Raises:
        UserError: the run is not finished, has no such split, or meets a label it does not know.
    """
    run = RunDirectory(path)
    if not is_ensemble(path) and is_language_model(RunDirectory.open(path)):
        return evaluate_stream(run, split, window, adapt=adapt)
    if window is not None or adapt:
        option = "--adapt" if adapt else "--window"
        raise UserError(f"{option} is for language models; {path} has labels")
    if is_ensemble(path):
        ensemble = Ensemble.open(path)
        digest = ensemble.digest
        answers = _averaged(path, ensemble, split)
    else:
        answers = _answers(RunDirectory.open(path), split)
        digest = run.read()["hash"]
    metrics = answers.predicted.metrics()
    figures = {"accuracy": metrics.accuracy, "macro_f1": metrics.macro_f1}
    enter_in_ledger(run, split, answers.data, digest, figures)
    answers.predicted.write(run.predictions / f"{split}.parquet")
    record_evaluation(run, split, metrics)
    return {"run": str(path), "split": split, **metrics.to_dict(), "texts": answers.texts}


class LabelledTexts(NamedTuple):
    """A split of a run's data set, read as its model reads it.

    Attributes:
        data: name of the data set.
        content: SHA-256 of the split that holds the texts.
        rows: position of each text in that split, int64[n].
        labels: int64[n].
        texts: as vocabulary indices.
        groups: see `PredictedRows`.
    """

    data: str
    content: str
    rows: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    texts: Encoded
    groups: npt.NDArray[np.int64] | None


def read_split(run: RunDirectory, split: str, predictor: Predictor) -> LabelledTexts:
    """Read a split of a finished run's data set.

    Raises:
        UserError: the data is not here any more, has changed, or has no such split.
    """
    dataset = same_data(run, run_config(run), split, predictor.reader.learned)
    tokens = dataset.tokens(split, predictor.labels)
    texts = predictor.reader.encode(tokens.ragged, tokens.types)
    content = dataset.texts(dataset.holder(split)).facts["sha256"]
    return LabelledTexts(dataset.name, content, tokens.rows, tokens.labels, texts, tokens.groups)


def _answers(run: RunDirectory, split: str) -> _Answers:
    config = run_config(run)
    predictor = Predictor.load(run.model)
    if config.model.module.TRAINED:
        use_threads(config.threads or available_cores())
    found = read_split(run, split, predictor)
    compose.warn_of_unknown(found.texts, split)
    probabilities = predictor.fitted.probabilities(found.texts.ragged)
    predicted = PredictedRows(
        found.rows, found.labels, probabilities, predictor.labels, found.groups
    )
    return _Answers(found.data, found.content, predicted, found.texts.facts())


def split_texts(run: RunDirectory, split: str) -> list[str]:
    """The raw texts of a run's split, in the order of its predictions.

    Raises:
        UserError: the data is not here any more, has changed, or has no such split.
    """
    dataset = same_data(run, run_config(run), split)
    return dataset.texts(dataset.holder(split)).texts(dataset.rows(split))


def _averaged(path: Path, ensemble: Ensemble, split: str) -> _Answers:
    """Each member reads the texts for itself; the facts are those of the member that cuts most."""
    parts = [_answers(member.run, split) for member in ensemble.members]
    first = parts[0]
    for part, member in zip(parts, ensemble.members, strict=True):
        same = np.array_equal(part.predicted.rows, first.predicted.rows)
        if not same or part.content != first.content:
            raise UserError(
                f"{path}: split '{split}' of {member.run.path} has other texts than that of "
                f"{ensemble.members[0].run.path}; give both the same data"
            )
    probabilities = average([part.predicted.probabilities for part in parts], ensemble.weights)
    return first._replace(
        predicted=replace(first.predicted, probabilities=probabilities),
        texts=max((part.texts for part in parts), key=itemgetter("cut_tokens")),
    )


def load_model(path: Path) -> Predictor | EnsemblePredictor:
    """The trained classifier of a run directory, of a copy of its model folder alone, or an
    ensemble.

    Raises:
        UserError: there is none, or it is damaged.
    """
    if is_ensemble(path):
        return EnsemblePredictor.load(path)
    return Predictor.load(model_folder(path))
