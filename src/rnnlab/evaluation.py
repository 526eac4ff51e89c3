"""Score and use finished runs, and keep a record of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rnnlab import compose
from rnnlab.ensemble import Ensemble, EnsemblePredictor, average, is_ensemble
from rnnlab.environment import available_cores, use_threads
from rnnlab.exceptions import UserError
from rnnlab.language_evaluation import evaluate_stream, is_language_model
from rnnlab.predictions import PredictedRows
from rnnlab.predictor import Predictor, Tally
from rnnlab.run_records import (
    enter_in_ledger,
    model_folder,
    record_evaluation,
    run_config,
    same_data,
)
from rnnlab.train.rundir import RunDirectory


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


def _answers(run: RunDirectory, split: str) -> _Answers:
    config = run_config(run)
    predictor = Predictor.load(run.model)
    if config.model.module.TRAINED:
        use_threads(config.threads or available_cores())
    dataset = same_data(run, config, split, predictor.reader.learned)
    tokens = dataset.tokens(split, predictor.labels)
    texts = predictor.reader.encode(tokens.ragged, tokens.types)
    compose.warn_of_unknown(texts, split)
    probabilities = predictor.fitted.probabilities(texts.ragged)
    predicted = PredictedRows(tokens.rows, tokens.labels, probabilities, predictor.labels)
    content = dataset.texts(dataset.holder(split)).facts["sha256"]
    return _Answers(dataset.name, content, predicted, texts.facts())


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


def predict_table(
    predictor: Predictor | EnsemblePredictor,
    source: Path,
    target: Path,
    column: str | None,
    see: Callable[[Sequence[str]], None],
) -> dict[str, Any]:
    """Label a table in one pass, row by row in its order; memory does not grow with it.

    Adds the columns label, probability and p_LABEL. A column of the input with such a name is kept
    as input_NAME.

    Args:
        predictor: a trained model.
        source, target: tables; the extensions name the formats.
        column: of the texts; by default the one that the run was trained on, or "text".
        see: is given the texts as they are labelled.

    Raises:
        UserError: a table is malformed or has no such column.
    """
    from rnnlab.data.tables import open_table, open_writer

    table = open_table(source)
    column = column or predictor.text_column
    table.require(column, "--text")
    added = ["label", "probability", *(f"p_{name}" for name in predictor.labels)]
    kept = {name: f"input_{name}" if name in added else name for name in table.columns}
    tally = Tally()
    with open_writer(target, [*kept.values(), *added], like=table) as writer:
        for chunk in table.chunks():
            texts = chunk.texts(column)
            see(texts)
            result = predictor.predict(texts)
            best = result.probabilities.argmax(axis=1)
            columns = {kept[name]: values for name, values in chunk.columns.items()}
            columns["label"] = [predictor.labels[i] for i in best]
            columns["probability"] = result.probabilities.max(axis=1)
            for number, name in enumerate(predictor.labels):
                columns[f"p_{name}"] = result.probabilities[:, number]
            writer.write(columns)
            tally.add(result)
    return {"output": str(target), **tally.facts(), "max_tokens": predictor.max_tokens}
