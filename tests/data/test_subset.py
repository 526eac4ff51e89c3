"""A part of the training part: its share, nested, stratified, by whole groups."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlab.data.subset import subset_rows

FRACTIONS = st.floats(0.01, 0.99)


def take(labels, groups=None, fraction=0.5, seed=0):
    given_groups = None if groups is None else np.array(groups, np.int64)
    rows = subset_rows(np.array(labels, np.int32), given_groups, fraction=fraction, seed=seed)
    assert (np.diff(rows) > 0).all()
    return rows


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=80), FRACTIONS, st.integers(0, 3))
def test_each_class_gives_its_share_and_one_at_least(labels, fraction, seed):
    taken = [labels[row] for row in take(labels, None, fraction, seed)]
    for value in set(labels):
        share = fraction * labels.count(value)
        assert abs(taken.count(value) - share) <= 0.5 or taken.count(value) == 1


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20)), min_size=2, max_size=80),
    st.lists(FRACTIONS, min_size=2, max_size=4),
    st.integers(0, 3),
    st.booleans(),
)
def test_a_smaller_part_lies_in_a_larger_and_groups_stay_whole(examples, fractions, seed, grouped):
    labels, groups = zip(*examples, strict=True)
    inner: set[int] = set()
    for fraction in sorted(fractions):
        rows = set(take(labels, groups if grouped else None, fraction, seed).tolist())
        assert inner <= rows
        inner = rows
        if grouped:
            inside = {groups[row] for row in rows}
            assert rows == {row for row, group in enumerate(groups) if group in inside}


def test_mixed_groups_meet_the_share_of_each_class():
    generator = np.random.default_rng(3)
    groups = generator.permutation(np.repeat(np.arange(400), generator.integers(1, 11, 400)))
    labels = generator.integers(0, 2, len(groups))
    for fraction in (0.1, 0.3, 0.7):
        rows = take(labels, groups, fraction)
        for value in (0, 1):
            share = (labels[rows] == value).sum() / (labels == value).sum()
            assert abs(share - fraction) < 0.03


def test_another_seed_is_another_part():
    assert len({tuple(take([0, 1] * 40, seed=seed)) for seed in range(5)}) == 5
