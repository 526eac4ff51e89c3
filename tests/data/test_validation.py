"""The validation cut: shares, whole groups, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rnnlab.data.validation import validation_rows
from rnnlab.exceptions import UserError

LABELS = st.lists(st.integers(0, 3), min_size=2, max_size=80)
FRACTIONS = st.floats(0.05, 0.95)


def cut(labels, groups=None, fraction=0.2, seed=0):
    given_groups = None if groups is None else np.array(groups, np.int32)
    rows = validation_rows(np.array(labels, np.int32), given_groups, fraction=fraction, seed=seed)
    assert (np.diff(rows) > 0).all()
    assert 0 < len(rows) < len(labels)
    assert rows[0] >= 0
    assert rows[-1] < len(labels)
    return rows


@settings(deadline=None)
@given(LABELS, FRACTIONS, st.integers(0, 5))
def test_each_class_gives_its_share(labels, fraction, seed):
    sizes = {value: labels.count(value) for value in set(labels)}
    shares = {value: round(fraction * size) for value, size in sizes.items()}
    if not 0 < sum(shares.values()) < len(labels):
        with pytest.raises(UserError, match=r"data\.validation\.fraction"):
            cut(labels, fraction=fraction, seed=seed)
        return
    rows = cut(labels, fraction=fraction, seed=seed)
    taken = [labels[row] for row in rows]
    assert {value: taken.count(value) for value in sizes} == shares
    np.testing.assert_array_equal(rows, cut(labels, fraction=fraction, seed=seed))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(-1, 9)), min_size=4, max_size=80),
    FRACTIONS,
    st.integers(0, 5),
)
def test_groups_stay_whole(examples, fraction, seed):
    labels, groups = zip(*examples, strict=True)
    try:
        rows = cut(labels, groups, fraction, seed)
    except UserError:
        assume(False)
    inside = {groups[row] for row in rows} - {-1}
    outside = {groups[row] for row in set(range(len(groups))) - set(rows.tolist())} - {-1}
    assert not inside & outside
    np.testing.assert_array_equal(rows, cut(labels, groups, fraction, seed))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 6)), min_size=20, max_size=60),
    st.floats(0.2, 0.8),
)
def test_groups_of_one_class_meet_the_share_within_half_a_group(sizes, fraction):
    labels = np.concatenate([np.full(size, label) for label, size in sizes])
    groups = np.concatenate([np.full(size, number) for number, (_, size) in enumerate(sizes)])
    rows = cut(labels, groups, fraction)
    for label in set(labels.tolist()):
        largest = max(size for value, size in sizes if value == label)
        wanted = fraction * (labels == label).sum()
        assert abs((labels[rows] == label).sum() - wanted) <= largest / 2 + 1e-9


def test_mixed_groups_meet_the_share_of_each_class():
    generator = np.random.default_rng(3)
    sizes = generator.integers(1, 11, 400)
    groups = generator.permutation(np.repeat(np.arange(400), sizes))
    labels = generator.integers(0, 2, len(groups))
    rows = cut(labels, groups, 0.2)
    for label in (0, 1):
        share = (labels[rows] == label).sum() / (labels == label).sum()
        assert share == pytest.approx(0.2, abs=0.02)


def test_rows_without_a_group_are_groups_of_their_own():
    rows = cut([0, 1] * 50, [-1] * 100, 0.3)
    assert len(rows) == 30
    assert sum(row % 2 for row in rows) == 15


def test_another_seed_is_another_cut():
    labels = [0, 1] * 50
    groups = [row // 4 for row in range(100)]
    for given_groups in (None, groups):
        cuts = {tuple(cut(labels, given_groups, seed=seed)) for seed in range(5)}
        assert len(cuts) == 5


def test_one_group_cannot_be_cut():
    with pytest.raises(UserError, match=r"data\.validation_path"):
        cut([0, 1] * 10, [7] * 20)
