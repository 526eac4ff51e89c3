"""95 % intervals of accuracy and macro F1: what another draw of examples would give.

The models are taken as they are: what other training data or another seed would give is not in
these intervals. Examples of one group (reviews of one film) are not independent; with groups, whole
groups are what is drawn.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

from rnnlab.metrics import f1_of_classes

_TAIL = 0.025
_RESAMPLES = 2000

Interval = tuple[float, float]


def accuracy_interval(
    correct: npt.NDArray[np.bool_], groups: npt.NDArray[np.int64] | None = None
) -> Interval:
    """Wilson's interval of a share.

    With groups, the number of examples is divided by the design effect (variance of the share over
    drawn groups, relative to that over drawn examples, at least 1), and Student's t with one degree
    of freedom less than groups takes the normal distribution's place. A share of 0 or 1 shows no
    such effect; each group then counts as one example.

    Args:
        correct: bool[n], n at least 1.
        groups: numbers from 0, int64[n]; None where examples are independent.

    Source: Wilson 1927; the design effect in it: Dean & Pagano 2015, "Evaluating confidence
    interval methods for binomial proportions in clustered surveys".
    """
    share, size = float(correct.mean()), float(len(correct))
    quantile = float(ndtri(1 - _TAIL))
    if groups is not None:
        excess = np.bincount(groups, weights=correct - share)
        number = len(excess)
        if number < 2:
            return 0.0, 1.0
        quantile = float(stdtrit(number - 1, 1 - _TAIL))
        if 0 < share < 1:
            variance = number / (number - 1) * float((excess**2).sum()) / size**2
            size /= max(1.0, variance * size / (share * (1 - share)))
        else:
            size = float(number)
    z2 = quantile**2
    center = (share + z2 / (2 * size)) / (1 + z2 / size)
    half = quantile * np.sqrt(share * (1 - share) / size + z2 / (4 * size**2)) / (1 + z2 / size)
    return max(0.0, float(center - half)), min(1.0, float(center + half))


def macro_f1_interval(
    labels: npt.NDArray[np.int64],
    predicted: npt.NDArray[np.int64],
    num_classes: int,
    groups: npt.NDArray[np.int64] | None = None,
) -> Interval:
    """Percentiles of macro F1 over 2,000 resamples of the examples, or of whole groups.

    Args:
        labels, predicted: classes, int64[n].
        num_classes: over which F1 is averaged.
        groups: numbers from 0, int64[n]; None where examples are independent.
    """
    generator = np.random.default_rng(0)
    if groups is None:
        groups = np.arange(len(labels))
    number = int(groups.max()) + 1
    hit = labels == predicted
    values = np.empty(_RESAMPLES)
    for round_ in range(_RESAMPLES):
        drawn = np.bincount(generator.integers(number, size=number), minlength=number)
        weights = drawn[groups].astype(np.float64)
        support = np.bincount(labels, weights, num_classes)
        guessed = np.bincount(predicted, weights, num_classes)
        hits = np.bincount(labels[hit], weights[hit], num_classes)
        values[round_] = f1_of_classes(hits, support, guessed).mean()
    low, high = np.quantile(values, [_TAIL, 1 - _TAIL])
    return float(low), float(high)
