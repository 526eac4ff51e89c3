"""Score and use finished runs, and keep a record of it."""

from __future__ import annotations

import json
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rnnlab import compose
from rnnlab.compose.language_modeling import read_stream
from rnnlab.config.load import parse_config, parse_yaml
from rnnlab.config.schema import Config
from rnnlab.data.dataset import Dataset
from rnnlab.data.reader import Encoded
from rnnlab.ensemble import Ensemble, EnsemblePredictor, average, is_ensemble
from rnnlab.environment import available_cores, now, use_threads
from rnnlab.exceptions import UserError
from rnnlab.files import append_line
from rnnlab.language_predictor import LanguagePredictor
from rnnlab.predictions import PredictedRows
from rnnlab.predictor import Predictor
from rnnlab.train.rundir import RunDirectory

LEDGER = "test-ledger.jsonl"


def run_config(run: RunDirectory) -> Config:
    """The resolved config of a run.

    Raises:
        UserError: the file is damaged.
    """
    try:
        text = run.config.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{run.config}: damaged ({error}); restore it from a backup") from error
    return parse_config(parse_yaml(text, str(run.config)), str(run.config))


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


def evaluate_run(path: Path, split: str, window: int | None = None) -> dict[str, Any]:
    """Score a finished run or an ensemble on a split; record it, in the ledger too if it is test.

    Args:
        path: the run's or ensemble's directory.
        split: of its data set.
        window: of a language model alone: steps computed at a time.

    Raises:
        UserError: the run is not finished, has no such split, or meets a label it does not know.
    """
    run = RunDirectory(path)
    if not is_ensemble(path) and _is_language_model(RunDirectory.open(path)):
        return _evaluate_stream(run, split, window)
    if window is not None:
        raise UserError(f"--window is for language models; {path} has labels")
    if is_ensemble(path):
        ensemble = Ensemble.open(path)
        digest = ensemble.digest
        answers = _averaged(path, ensemble, split)
    else:
        answers = _answers(RunDirectory.open(path), split)
        digest = run.read()["hash"]
    metrics = answers.predicted.metrics()
    figures = {"accuracy": metrics.accuracy, "macro_f1": metrics.macro_f1}
    _enter_in_ledger(run, split, answers.data, digest, figures)
    answers.predicted.write(run.predictions / f"{split}.parquet")
    record_evaluation(run, split, metrics)
    return {"run": str(path), "split": split, **metrics.to_dict(), "texts": answers.texts}


def _enter_in_ledger(
    run: RunDirectory, split: str, data: str, digest: str, figures: dict[str, float]
) -> None:
    """Note a use of test; others need none."""
    if split != "test":
        return
    line = {"time": now(), "data": data, "run": run.path.name, "hash": digest, **figures}
    append_line(run.path.resolve().parent / LEDGER, json.dumps(line))


def _is_language_model(run: RunDirectory) -> bool:
    return run_config(run).model.module.TASK == "language_modeling"


def _evaluate_stream(run: RunDirectory, split: str, window: int | None) -> dict[str, Any]:
    config = run_config(run)
    predictor = LanguagePredictor.load(run.model)
    use_threads(config.threads or available_cores())
    dataset = _same_data(run, config, split, predictor.reader.learned)
    stream = read_stream(dataset, split, predictor.reader)
    metrics = predictor.score(stream, window)
    figures = {"perplexity": metrics.perplexity}
    _enter_in_ledger(run, split, dataset.name, run.read()["hash"], figures)
    record_evaluation(run, split, metrics)
    return {"run": str(run.path), "split": split, **metrics.to_dict(), "texts": stream.facts()}


class LabelledTexts(NamedTuple):
    """A split of a run's data set, read as its model reads it.

    Attributes:
        data: name of the data set.
        content: SHA-256 of the split that holds the texts.
        rows: position of each text in that split, int64[n].
        labels: int64[n].
        texts: as vocabulary indices.
    """

    data: str
    content: str
    rows: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    texts: Encoded


def read_split(run: RunDirectory, split: str, predictor: Predictor) -> LabelledTexts:
    """Read a split of a finished run's data set.

    Raises:
        UserError: the data is not here any more, has changed, or has no such split.
    """
    dataset = _same_data(run, run_config(run), split, predictor.reader.learned)
    tokens = dataset.tokens(split, predictor.labels)
    texts = predictor.reader.encode(tokens.ragged, tokens.types)
    content = dataset.texts(dataset.holder(split)).facts["sha256"]
    return LabelledTexts(dataset.name, content, tokens.rows, tokens.labels, texts)


def _answers(run: RunDirectory, split: str) -> _Answers:
    config = run_config(run)
    predictor = Predictor.load(run.model)
    if config.model.module.TRAINED:
        use_threads(config.threads or available_cores())
    found = read_split(run, split, predictor)
    compose.warn_of_unknown(found.texts, split)
    probabilities = predictor.fitted.probabilities(found.texts.ragged)
    predicted = PredictedRows(found.rows, found.labels, probabilities, predictor.labels)
    return _Answers(found.data, found.content, predicted, found.texts.facts())


def _same_data(
    run: RunDirectory, config: Config, split: str, learned: bytes | None = None
) -> Dataset:
    """Open a run's data set, under what its tokenizer learned; refuse one whose train or val is no
    longer what was trained on."""
    dataset = compose.dataset_of(config, learned)
    if split in ("train", "val") and dataset.content_hash != run.read()["identity"]["data"]:
        raise UserError(
            f"{run.path}: its data has changed since it was trained, and with it which texts are "
            "validation; restore the data, or train again"
        )
    return dataset


def split_texts(run: RunDirectory, split: str) -> list[str]:
    """The raw texts of a run's split, in the order of its predictions.

    Raises:
        UserError: the data is not here any more, has changed, or has no such split.
    """
    dataset = _same_data(run, run_config(run), split)
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
    """The trained model of a run directory, of a copy of its model folder alone, or an ensemble.

    Raises:
        UserError: there is none, or it is damaged.
    """
    if is_ensemble(path):
        return EnsemblePredictor.load(path)
    alone = (path / "model.json").is_file()
    return Predictor.load(path if alone else RunDirectory.open(path).model)


def record_evaluation(run: RunDirectory, split: str, metrics: compose.Metrics) -> None:
    """Append an evaluation to the run's record."""
    line = {"time": now(), "split": split, **metrics.to_dict()}
    append_line(run.evaluations, json.dumps(line, ensure_ascii=False))
