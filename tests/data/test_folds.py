"""Folds of train: every row in one, balanced, by whole groups, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlab.data.folds import fold_numbers
from rnnlab.exceptions import UserError


def cut(labels, groups=None, folds=5, seed=0):
    given_groups = None if groups is None else np.array(groups, np.int64)
    numbers = fold_numbers(np.array(labels, np.int32), given_groups, folds=folds, seed=seed)
    assert len(numbers) == len(labels)
    assert set(numbers.tolist()) == set(range(1, folds + 1))
    return numbers


@settings(deadline=None)
@given(st.lists(st.integers(0, 4), min_size=6, max_size=90), st.integers(2, 6), st.integers(0, 3))
def test_folds_and_their_classes_differ_by_one_example_at_most(labels, folds, seed):
    numbers = cut(labels, folds=folds, seed=seed)
    counts = np.bincount(numbers, minlength=folds + 1)[1:]
    assert np.ptp(counts) <= 1
    for value in set(labels):
        of_class = np.bincount(numbers[np.array(labels) == value], minlength=folds + 1)[1:]
        assert np.ptp(of_class) <= 1
    np.testing.assert_array_equal(numbers, cut(labels, folds=folds, seed=seed))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=8, max_size=90),
    st.integers(2, 4),
    st.integers(0, 3),
)
def test_groups_stay_whole(examples, folds, seed):
    labels, named = zip(*examples, strict=True)
    _, groups = np.unique(named, return_inverse=True)
    if groups.max() + 1 < folds:
        with pytest.raises(UserError, match="groups cannot be cut into"):
            cut(labels, groups, folds, seed)
        return
    numbers = cut(labels, groups, folds, seed)
    for group in set(groups.tolist()):
        assert len(set(numbers[groups == group].tolist())) == 1
    np.testing.assert_array_equal(numbers, cut(labels, groups, folds, seed))


def test_mixed_groups_are_shared_out_evenly_in_every_class():
    generator = np.random.default_rng(4)
    groups = generator.permutation(np.repeat(np.arange(300), generator.integers(1, 12, 300)))
    labels = generator.choice(3, len(groups), p=[0.6, 0.35, 0.05])
    numbers = cut(labels, groups)
    for value in range(3):
        of_class = np.bincount(numbers[labels == value], minlength=6)[1:]
        assert np.ptp(of_class) <= 0.1 * of_class.mean()


def test_another_seed_is_another_cut():
    labels = [0, 1] * 40
    for groups in (None, [row // 2 for row in range(80)]):
        assert len({tuple(cut(labels, groups, seed=seed)) for seed in range(5)}) == 5


def test_more_folds_than_examples():
    with pytest.raises(UserError, match="3 examples cannot be cut into 4 folds; take at most 3"):
        cut([0, 1, 0], folds=4)
