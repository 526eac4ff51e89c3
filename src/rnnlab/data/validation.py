"""Cut a validation part from train: stratified, by whole groups, the same for every run's seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab.exceptions import UserError

VERSION = 1


def validation_rows(
    labels: npt.NDArray[np.int32],
    groups: npt.NDArray[np.integer[Any]] | None,
    *,
    fraction: float,
    seed: int,
) -> npt.NDArray[np.int64]:
    """Choose the rows of the validation part, sorted.

    Without groups each class gives its share. With groups, whole groups are taken in random order
    wherever they bring the class counts nearer to their shares.

    Args:
        labels: class per example, int32[n].
        groups: group per example, int[n], or None. Rows with group -1 are groups of their own.
        fraction: share of the examples to take, in (0, 1).
        seed: of the cut alone; a run's seed has no part in it.

    Raises:
        UserError: a part would be empty.
    """
    generator = np.random.default_rng(seed)
    if groups is None:
        chosen = [
            generator.permutation(rows)[: round(fraction * len(rows))]
            for rows in (np.flatnonzero(labels == value) for value in np.unique(labels))
        ]
        result = np.sort(np.concatenate(chosen))
    else:
        result = _whole_groups(labels, groups, fraction, generator)
    if not 0 < len(result) < len(labels):
        raise UserError(
            f"data.validation.fraction={fraction} leaves an empty part of {len(labels)} examples; "
            "change the fraction, or for a table give data.validation_path"
        )
    return result


def group_numbers(groups: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int64]:
    """Number groups from 0 without gaps; each row with group -1 becomes a group of its own."""
    alone = groups < 0
    numbers = np.where(alone, groups.max(initial=-1) + 1 + np.cumsum(alone), groups)
    return np.unique(numbers, return_inverse=True)[1].astype(np.int64)


def _whole_groups(
    labels: npt.NDArray[np.int32],
    groups: npt.NDArray[np.integer[Any]],
    fraction: float,
    generator: np.random.Generator,
) -> npt.NDArray[np.int64]:
    numbers = group_numbers(groups)
    _, classes = np.unique(labels, return_inverse=True)
    counts = np.zeros((numbers.max() + 1, classes.max() + 1), np.int64)
    np.add.at(counts, (numbers, classes), 1)
    missing = fraction * counts.sum(axis=0)
    taken = np.zeros(len(counts), bool)
    for group in generator.permutation(len(counts)):
        left = missing - counts[group]
        if (left**2).sum() < (missing**2).sum():
            missing = left
            taken[group] = True
    return np.flatnonzero(taken[numbers])
