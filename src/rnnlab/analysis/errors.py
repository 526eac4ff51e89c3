"""The texts that a model gets wrong, and what it said of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab.analysis.answers import Answers


def confident_errors(answers: Answers, count: int) -> list[dict[str, Any]]:
    """The most confident errors of each true label, at most `count` of each, surest first."""
    wrong = np.flatnonzero(~answers.correct)
    chosen: list[int] = []
    for label in range(len(answers.predicted.names)):
        own = wrong[answers.predicted.labels[wrong] == label]
        chosen += surest(answers.confidence, own)[:count]
    return [example(answers, number) for number in surest(answers.confidence, chosen)]


def all_errors(answers: Answers) -> list[dict[str, Any]]:
    """Every error, the surest first."""
    wrong = np.flatnonzero(~answers.correct)
    return [example(answers, number) for number in surest(answers.confidence, wrong)]


def surest(confidence: npt.NDArray[np.float64], numbers: Iterable[int]) -> list[int]:
    """Numbers of texts by falling confidence; equal ones in their order."""
    return sorted(map(int, numbers), key=lambda number: -confidence[number])


def example(answers: Answers, number: int) -> dict[str, Any]:
    """A text, its label, and what the model says of it."""
    names = answers.predicted.names
    return {
        "row": int(answers.predicted.rows[number]),
        "where": answers.where(number),
        "label": names[answers.predicted.labels[number]],
        "predicted": names[answers.guesses[number]],
        "probability": float(answers.confidence[number]),
        "tokens": int(answers.lengths[number]),
        "text": answers.texts[number],
    }


def confusions(answers: Answers) -> list[dict[str, Any]]:
    """Pairs of a true and another predicted label, the most frequent first."""
    names = answers.predicted.names
    pairs = answers.predicted.labels * len(names) + answers.guesses
    counts = np.bincount(pairs[~answers.correct], minlength=len(names) ** 2)
    return [
        {
            "label": names[pair // len(names)],
            "predicted": names[pair % len(names)],
            "texts": int(counts[pair]),
        }
        for pair in np.argsort(-counts, kind="stable").tolist()
        if counts[pair]
    ]
