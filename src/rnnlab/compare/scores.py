"""What each example adds to a model's figure: scores whose mean is the figure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from rnnlab.compare.statistics import Floats
from rnnlab.metrics import f1_of_classes
from rnnlab.predictions import PredictedRows


def is_right(predicted: PredictedRows) -> npt.NDArray[np.bool_]:
    """Whether each example's most probable class is its label, bool[N]."""
    return predicted.probabilities.argmax(axis=1) == predicted.labels


def accuracy_scores(predicted: PredictedRows) -> Floats:
    """1 where the answer is right, else 0."""
    return is_right(predicted).astype(np.float64)


def macro_f1_scores(predicted: PredictedRows) -> Floats:
    """Macro F1 plus each example's influence on it.

    F1 is a ratio of sums, so that an example's part in it is known to first order: the derivative
    by its weight. The mean is macro F1 itself, and the variance of the mean that over resampled
    examples. Source: Jaeckel 1972, the infinitesimal jackknife.
    """
    labels, guesses = predicted.labels, predicted.probabilities.argmax(axis=1)
    size, num_classes = len(labels), len(predicted.names)
    hit = labels == guesses
    hits = np.bincount(labels[hit], minlength=num_classes)
    support = np.bincount(labels, minlength=num_classes)
    guessed = np.bincount(guesses, minlength=num_classes)
    f1 = f1_of_classes(hits, support, guessed)
    # d F1_c / d weight = (2 [hit in c] - F1_c ([label is c] + [guess is c])) / (support + guessed)
    scale = size / np.maximum(support + guessed, 1)
    influence = 2 * hit * scale[labels] - (f1 * scale)[labels] - (f1 * scale)[guesses]
    return f1.mean() + influence / num_classes


SCORES: dict[str, Callable[[PredictedRows], Floats]] = {
    "accuracy": accuracy_scores,
    "macro_f1": macro_f1_scores,
}
