"""What a finished run answers on a split, beside what is known of the texts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab.data.dataset import Dataset
from rnnlab.data.validation import group_numbers
from rnnlab.data.vocabulary import SPECIAL, UNKNOWN, Vocabulary
from rnnlab.ensemble import Ensemble, is_ensemble
from rnnlab.evaluation import evaluate_run
from rnnlab.exceptions import UserError
from rnnlab.predictions import PredictedRows
from rnnlab.predictor import Predictor
from rnnlab.run_records import run_config, same_data
from rnnlab.train.rundir import RunDirectory

RARE_RANK = 5000
"""A word is rare if so many words of the model's vocabulary are more frequent in its training part,
or half of them where it knows fewer than twice as many."""


@dataclass(frozen=True)
class Answers:
    """Answers on n texts, and the texts.

    Attributes:
        path: of the run or the ensemble.
        split: of its data set.
        dataset: where the texts are from.
        content: SHA-256 of the source's split that holds them.
        predicted: rows, labels and probabilities.
        texts: as they are, n of them.
        lengths: tokens of each text before truncation, int64[n].
        unknown: share of each text's tokens that the model does not know, float64[n].
        rare: share that is unknown or rare (`RARE_RANK`), float64[n].
        groups: numbers from 0 of what is not independent, int64[n], or None.
    """

    path: Path
    split: str
    dataset: Dataset
    content: str
    predicted: PredictedRows
    texts: list[str]
    lengths: npt.NDArray[np.int64]
    unknown: npt.NDArray[np.float64]
    rare: npt.NDArray[np.float64]
    groups: npt.NDArray[np.int64] | None

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Whether the most probable label is the true one, bool[n]."""
        return self.guesses == self.predicted.labels

    @property
    def guesses(self) -> npt.NDArray[np.int64]:
        """Column of the most probable label, int64[n]."""
        return self.predicted.probabilities.argmax(axis=1)

    @property
    def confidence(self) -> npt.NDArray[np.float64]:
        """Probability of the most probable label, float64[n]."""
        return self.predicted.probabilities.max(axis=1).astype(np.float64)

    def where(self, number: int) -> str:
        """Where a text comes from ("reviews.csv, line 12")."""
        holder = self.dataset.holder(self.split)
        return self.dataset.source.where(holder, int(self.predicted.rows[number]))


def read_answers(path: Path, split: str) -> Answers:
    """Read a run's answers on a split, asking it first where it has not been asked.

    Each use of test is asked anew, and so counted in the ledger.

    Raises:
        UserError: the run is not finished, or its data has changed or has no such split.
    """
    member = Ensemble.open(path).members[0].run if is_ensemble(path) else RunDirectory.open(path)
    predictor = Predictor.load(member.model)
    dataset = same_data(member, run_config(member), split, predictor.reader.learned)
    tokens = dataset.tokens(split, predictor.labels)
    known = path / "predictions" / f"{split}.parquet"
    if split != "val" or not known.is_file():
        evaluate_run(path, split)
    predicted = PredictedRows.read(known, predictor.labels)
    if not np.array_equal(predicted.rows, tokens.rows):
        raise UserError(
            f"{known}: of other texts than '{split}' has now; `rnnlab evaluate {path} --split "
            f"{split}` makes it again"
        )
    holder = dataset.texts(dataset.holder(split))
    vocabulary = predictor.reader.vocabulary
    table = vocabulary.lookup(tokens.types)
    numbers = table[tokens.ragged.tokens] if len(table) else np.zeros(0, np.int32)
    lengths = tokens.ragged.lengths
    return Answers(
        path=path,
        split=split,
        dataset=dataset,
        content=holder.facts["sha256"],
        predicted=predicted,
        texts=holder.texts(tokens.rows),
        lengths=lengths,
        unknown=_share(numbers == UNKNOWN, lengths),
        rare=_share(_is_rare(numbers, vocabulary), lengths),
        groups=_groups(dataset, holder.groups, tokens.rows),
    )


def check_same_texts(first: Answers, second: Answers) -> None:
    """Refuse to compare answers on different texts.

    Raises:
        UserError: they are not on the same texts, or not of the same labels.
    """
    same = np.array_equal(first.predicted.rows, second.predicted.rows)
    if not same or first.content != second.content:
        raise UserError(
            f"'{first.split}' of {second.path} has other texts than that of {first.path}: compare "
            "runs on the same data and validation part, or on --split test"
        )
    if first.predicted.names != second.predicted.names:
        raise UserError(f"{second.path} has other labels than {first.path}: compare like with like")


def _share(marked: npt.NDArray[np.bool_], lengths: npt.NDArray[np.int64]) -> Any:
    """Share of each text's tokens that is marked; 0 for a text without tokens."""
    text = np.repeat(np.arange(len(lengths)), lengths)
    counts = np.bincount(text[marked], minlength=len(lengths))
    return counts / np.maximum(lengths, 1)


def _is_rare(numbers: npt.NDArray[np.int32], vocabulary: Vocabulary) -> npt.NDArray[np.bool_]:
    """Vocabularies are in the order of their words' frequency in the training part."""
    rank = min(RARE_RANK, (len(vocabulary) - len(SPECIAL)) // 2)
    return (numbers == UNKNOWN) | (numbers >= rank + len(SPECIAL))


def _groups(
    dataset: Dataset, groups: npt.NDArray[np.int32], rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64] | None:
    if dataset.source.group_kind is None:
        return None
    return group_numbers(groups[rows])
