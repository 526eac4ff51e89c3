"""Take a share of the training part: stratified, by whole groups, a smaller one in a larger."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

VERSION = 1


def subset_rows(
    labels: npt.NDArray[np.integer[Any]],
    groups: npt.NDArray[np.int64] | None,
    *,
    fraction: float,
    seed: int,
) -> npt.NDArray[np.int64]:
    """Choose rows, sorted.

    Groups (without any, each example is one) lie in random order within their most frequent class.
    One is taken where its middle lies within the class's share, and the first in any case.

    Args:
        labels: class per example, int[n].
        groups: group per example, numbered from 0, int64[n]; or None.
        fraction: share of the examples to take, in (0, 1).
        seed: of the order. With the same seed, the rows of a smaller fraction are among those of a
            larger one.
    """
    generator = np.random.default_rng(seed)
    _, classes = np.unique(labels, return_inverse=True)
    if groups is None:
        groups, sizes, strata = np.arange(len(labels)), np.ones(len(labels)), classes
    else:
        _, groups = np.unique(groups, return_inverse=True)
        counts = np.zeros((groups.max() + 1, classes.max() + 1), np.int64)
        np.add.at(counts, (groups, classes), 1)
        sizes, strata = counts.sum(axis=1), counts.argmax(axis=1)
    taken = np.zeros(len(sizes), bool)
    for stratum in np.unique(strata):
        order = generator.permutation(np.flatnonzero(strata == stratum))
        ends = np.cumsum(sizes[order])
        middles = ends - sizes[order] / 2
        taken[order[middles < fraction * ends[-1]]] = True
        taken[order[0]] = True
    return np.flatnonzero(taken[groups])
