"""Cut train into folds: stratified, by whole groups, the same for every run's seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab.exceptions import UserError

VERSION = 1


def fold_numbers(
    labels: npt.NDArray[np.integer[Any]],
    groups: npt.NDArray[np.int64] | None,
    *,
    folds: int,
    seed: int,
) -> npt.NDArray[np.int64]:
    """Put every example into one fold.

    Without groups the folds' sizes, and the examples of each class in them, differ by one at most.
    With groups each whole group, the largest first, goes to the fold that has least of its classes.

    Args:
        labels: class per example, int[n].
        groups: group per example, numbered from 0, int64[n]; or None.
        folds: how many, 2 at least.
        seed: of the cut alone; a run's seed has no part in it.

    Returns:
        The fold of each example, from 1, int64[n].

    Raises:
        UserError: there are fewer examples, or groups, than folds.
    """
    generator = np.random.default_rng(seed)
    num_units = len(labels) if groups is None else int(groups.max(initial=-1)) + 1
    if num_units < folds:
        unit = "examples" if groups is None else "groups"
        raise UserError(
            f"{num_units} {unit} cannot be cut into {folds} folds; take at most {num_units}"
        )
    numbers = np.empty(len(labels), np.int64)
    if groups is None:
        classes = [np.flatnonzero(labels == value) for value in np.unique(labels)]
        order = np.concatenate([generator.permutation(rows) for rows in classes])
        numbers[order] = np.arange(len(order)) % folds
    else:
        numbers = _deal_groups(labels, groups, folds, generator)[groups]
    return numbers + 1


def _deal_groups(
    labels: npt.NDArray[np.integer[Any]],
    groups: npt.NDArray[np.int64],
    folds: int,
    generator: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """The fold, from 0, of each group."""
    _, classes = np.unique(labels, return_inverse=True)
    counts = np.zeros((groups.max() + 1, classes.max() + 1))
    np.add.at(counts, (groups, classes), 1)
    shuffled = generator.permutation(len(counts))
    order = shuffled[np.argsort(-counts[shuffled].sum(axis=1), kind="stable")]
    weights = counts / counts.sum(axis=0) ** 2  # every class counts alike, however rare
    filled = np.zeros((folds, counts.shape[1]))
    result = np.empty(len(counts), np.int64)
    for group in order:
        fold = np.lexsort((filled.sum(axis=1), filled @ weights[group]))[0]
        filled[fold] += counts[group]
        result[group] = fold
    return result
