"""A classifier as the server uses it."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rnnlab.data.batching import evaluation_batches
from rnnlab.data.ragged import Ragged
from rnnlab.data.reader import Encoded, TextReader
from rnnlab.ensemble import EnsemblePredictor
from rnnlab.exceptions import UserError
from rnnlab.export.predictor import ExportedPredictor
from rnnlab.predictor import Predictions, Predictor, Tally
from rnnlab.serve.limits import Limits
from rnnlab.serve.replies import Refusal

_EXAMPLES = 12
_EXAMPLE_CHARACTERS = 1500
_PIECE_TOKENS = 1 << 15
_ENSEMBLE_TEXTS = 128

Probabilities = npt.NDArray[np.float32]


class Piece(NamedTuple):
    """Some of a table's texts.

    Attributes:
        rows: which, int64[n].
        probabilities: computes float32[n, classes].
    """

    rows: npt.NDArray[np.int64]
    probabilities: Callable[[], Probabilities]


class ServedClassifier:
    """Labels texts.

    Args:
        path: of the run, model folder, ensemble or export.
        predictor: its model.
        limits: on requests.

    Raises:
        UserError: the model does not give probabilities.
    """

    task = "classification"

    def __init__(
        self,
        path: Path,
        predictor: Predictor | EnsemblePredictor | ExportedPredictor,
        limits: Limits,
    ) -> None:
        self.path, self.predictor, self._limits = path, predictor, limits
        self.labels = predictor.labels
        self._examples: list[dict[str, Any]] | None = None
        tried = predictor.predict(["", "a"]).probabilities
        if not np.isfinite(tried).all() or np.abs(tried.sum(axis=1) - 1).max() > 1e-3:
            raise UserError(f"{path}: the model gives no probabilities; train it again")

    def describe(self) -> dict[str, Any]:
        """What the page shows of it."""
        return {
            "task": self.task,
            "name": self.path.resolve().name,
            "labels": self.labels,
            "max_tokens": self.predictor.max_tokens,
            "text_column": self.predictor.text_column,
            "methods": self._methods(),
            "explained_tokens": self._limits.explained_tokens,
        }

    def answer(self, requests: Sequence[Sequence[str]]) -> list[Predictions | Exception]:
        """Predictions, or a refusal, for each request's texts."""
        predictor = self.predictor
        read = [self._reader.read(texts) for texts in requests]
        answers: list[Predictions | Exception] = [
            Refusal(
                413,
                f"the texts have {len(encoded.ragged.tokens):,} tokens together: at most "
                f"{self._limits.tokens:,} are answered at a time",
            )
            for encoded in read
        ]
        fine = [
            number
            for number, encoded in enumerate(read)
            if len(encoded.ragged.tokens) <= self._limits.tokens
        ]
        if isinstance(predictor, EnsemblePredictor):
            for number in fine:
                answers[number] = predictor.predict(requests[number])
        elif fine:
            chosen = [read[number] for number in fine]
            for number, encoded, rows in zip(
                fine, chosen, self._probabilities(chosen), strict=True
            ):
                counts = encoded.texts_cut, encoded.texts_empty, encoded.tokens, encoded.known
                answers[number] = Predictions(rows, *counts)
        return answers

    def pieces(self, texts: Sequence[str]) -> list[Piece]:
        """Texts of a table, read and cut into pieces that are computed one at a time, texts of near
        length together."""
        predictor = self.predictor
        if isinstance(predictor, EnsemblePredictor):  # its members read for themselves
            size, numbers = _ENSEMBLE_TEXTS, np.arange(len(texts))
            return [
                Piece(
                    numbers[start : start + size],
                    partial(_of_ensemble, predictor, texts[start : start + size]),
                )
                for start in range(0, len(texts), size)
            ]
        ragged = predictor.reader.read(texts).ragged
        return [
            Piece(rows, partial(predictor.fitted.probabilities, ragged.select(rows)))
            for rows in evaluation_batches(ragged.lengths, max_tokens=_PIECE_TOKENS)
        ]

    def explain(self, text: str, method: str | None, label: str | None) -> dict[str, Any]:
        """Why it says what it says of a text.

        Raises:
            Refusal: the text is too long, or the model or the method does not allow it.
        """
        if not self._methods():
            raise Refusal(501, "explanations need a run and its torch model, not an export")
        from rnnlab.explanation import explain

        predictor = self.predictor
        assert isinstance(predictor, Predictor)
        tokens = len(predictor.reader.read([text]).ragged.tokens)
        if tokens > self._limits.explained_tokens:
            raise Refusal(
                413,
                f"the text has {tokens:,} tokens: at most {self._limits.explained_tokens:,} are "
                "explained at a time",
            )
        try:
            return explain(predictor, text, method, label).to_dict()
        except UserError as error:
            raise Refusal(422, str(error)) from error

    def examples(self) -> list[dict[str, Any]]:
        """Validation texts that it labels wrongly, the surest first; none where they are not to be
        had."""
        if self._examples is None:
            try:
                self._examples = _errors(self.path, self.labels)
            except (UserError, OSError):
                self._examples = []
        return self._examples

    @property
    def _reader(self) -> TextReader:
        """Of an ensemble, that of the member that cuts least."""
        if not isinstance(self.predictor, EnsemblePredictor):
            return self.predictor.reader
        readers = [member.reader for member in self.predictor.members]
        return max(readers, key=lambda reader: reader.max_tokens or math.inf)

    def _methods(self) -> list[str]:
        if importlib.util.find_spec("rnnlab.explanation") is None:
            return []
        if not isinstance(self.predictor, Predictor):
            return []
        from rnnlab.explanation import methods_of

        return methods_of(self.predictor)

    def _probabilities(self, read: Sequence[Encoded]) -> list[Any]:
        predictor = self.predictor
        assert not isinstance(predictor, EnsemblePredictor)
        tokens = np.concatenate([encoded.ragged.tokens for encoded in read])
        lengths = np.concatenate([encoded.ragged.lengths for encoded in read])
        whole = predictor.fitted.probabilities(Ragged.from_lengths(tokens, lengths))
        ends = np.cumsum([len(encoded.ragged) for encoded in read])[:-1]
        return np.split(whole, ends)


def as_json(result: Predictions, labels: Sequence[str]) -> dict[str, Any]:
    """A result as `rnnlab predict --json` gives it."""
    tally = Tally()
    tally.add(result)
    predictions = []
    for row in result.probabilities.tolist():
        best = max(range(len(row)), key=row.__getitem__)
        predictions.append(
            {
                "label": labels[best],
                "probability": row[best],
                "probabilities": dict(zip(labels, row, strict=True)),
            }
        )
    return {"predictions": predictions, **tally.facts()}


def _of_ensemble(predictor: EnsemblePredictor, texts: Sequence[str]) -> Probabilities:
    return predictor.predict(texts).probabilities


def _errors(path: Path, labels: tuple[str, ...]) -> list[dict[str, Any]]:
    from rnnlab.evaluation import split_texts
    from rnnlab.predictions import PredictedRows
    from rnnlab.train.rundir import RunDirectory

    run = RunDirectory.open(path)
    predicted = PredictedRows.read(run.predictions / "val.parquet", labels)
    texts = split_texts(run, "val")
    best = predicted.probabilities.argmax(axis=1)
    wrong = np.flatnonzero(best != predicted.labels)
    sure = predicted.probabilities[wrong, best[wrong]]
    found = []
    for row in wrong[np.argsort(-sure, kind="stable")].tolist():
        if 0 < len(texts[row]) <= _EXAMPLE_CHARACTERS:
            found.append(
                {
                    "text": texts[row],
                    "label": labels[predicted.labels[row]],
                    "predicted": labels[best[row]],
                    "probability": float(predicted.probabilities[row, best[row]]),
                }
            )
        if len(found) == _EXAMPLES:
            break
    return found
