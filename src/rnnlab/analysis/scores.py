"""Accuracy of a part of the texts, with its interval."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rnnlab.intervals import Interval, accuracy_interval

Mask = npt.NDArray[np.bool_]


class Score(NamedTuple):
    """Of some texts.

    Attributes:
        texts: how many.
        correct: how many of them are labelled rightly.
        accuracy: their share; None where there is no text.
        interval: 95 %, Wilson's, over the choice of texts (or of whole groups); None likewise.
    """

    texts: int
    correct: int
    accuracy: float | None
    interval: Interval | None

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return self._asdict()


def score(correct: Mask, inside: Mask, groups: npt.NDArray[np.int64] | None) -> Score:
    """Score the texts `inside`.

    Args:
        correct, inside: bool[n].
        groups: numbers of what is not independent, int64[n], or None.
    """
    own = correct[inside]
    if not len(own):
        return Score(0, 0, None, None)
    numbers = None
    if groups is not None:
        _, numbers = np.unique(groups[inside], return_inverse=True)
    interval = accuracy_interval(own, numbers)
    return Score(len(own), int(own.sum()), float(own.mean()), interval)


def difference_interval(first: Score, second: Score) -> Interval | None:
    """95 % interval of the difference of two accuracies on different texts; None where one has no
    texts.

    Source: Newcombe 1998, method 10, from the intervals of both.
    """
    if first.accuracy is None or second.accuracy is None:
        return None
    assert first.interval is not None
    assert second.interval is not None
    difference = first.accuracy - second.accuracy
    below = math.hypot(first.accuracy - first.interval[0], second.interval[1] - second.accuracy)
    above = math.hypot(first.interval[1] - first.accuracy, second.accuracy - second.interval[0])
    return difference - below, difference + above
