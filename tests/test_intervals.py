"""Intervals against published figures, exact limits, and how often they hold in simulations."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from rnnlab.intervals import accuracy_interval, macro_f1_interval


@pytest.mark.parametrize(
    ("hits", "size", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_a_share_of_independent_examples_has_wilsons_interval(hits, size, low, high):
    correct = np.arange(size) < hits
    assert accuracy_interval(correct) == pytest.approx((low, high), abs=6e-5)
    upper, lower = (1 - end for end in accuracy_interval(~correct))
    assert (lower, upper) == pytest.approx((low, high), abs=6e-5)


def test_groups_that_agree_within_count_as_one_example_each():
    correct = np.random.default_rng(1).random(400) < 0.8
    alone = accuracy_interval(correct)
    tenfold = accuracy_interval(np.repeat(correct, 10), np.repeat(np.arange(400), 10))
    assert tenfold == pytest.approx(alone, abs=5e-4)
    single = accuracy_interval(correct, np.arange(400))
    assert single == pytest.approx(alone, abs=5e-4)


def test_groups_never_make_an_interval_narrower():
    balanced = np.tile([True, False], 50)  # every group is half right: less chance than in rows
    groups = np.repeat(np.arange(50), 2)
    low, high = accuracy_interval(balanced, groups)
    bare_low, bare_high = accuracy_interval(balanced)
    assert low <= bare_low
    assert high >= bare_high
    assert accuracy_interval(balanced, np.zeros(100, np.int64)) == (0.0, 1.0)


def test_all_right_in_few_groups_is_not_certain():
    low, high = accuracy_interval(np.ones(1000, bool), np.repeat(np.arange(5), 200))
    assert high == 1.0
    assert low < 0.5


def test_it_covers_the_truth_as_often_as_it_says_with_and_without_groups():
    generator = np.random.default_rng(0)
    for size in (1, 20):
        groups = np.repeat(np.arange(60), size)
        covered = 0
        for _ in range(400):
            chance = generator.beta(4, 1, 60)  # mean 0.8
            correct = generator.random(60 * size) < np.repeat(chance, size)
            low, high = accuracy_interval(correct, groups)
            covered += low <= 0.8 <= high
        assert 0.92 <= covered / 400 <= 0.985


def test_macro_f1_lies_in_its_interval_which_narrows_with_the_root_of_the_examples():
    generator = np.random.default_rng(2)
    widths = []
    for size in (200, 3200):
        labels = generator.integers(0, 3, size)
        predicted = np.where(generator.random(size) < 0.7, labels, generator.integers(0, 3, size))
        low, high = macro_f1_interval(labels, predicted, 3)
        assert low < f1_score(labels, predicted, average="macro") < high
        assert macro_f1_interval(labels, predicted, 3) == (low, high)
        widths.append(high - low)
    assert widths[0] / widths[1] == pytest.approx(4, rel=0.25)


def test_macro_f1_of_copied_examples_in_groups_is_that_of_the_examples():
    generator = np.random.default_rng(3)
    labels = generator.integers(0, 2, 150)
    predicted = np.where(generator.random(150) < 0.8, labels, 1 - labels)
    alone = macro_f1_interval(labels, predicted, 2)
    copied = macro_f1_interval(
        np.repeat(labels, 7), np.repeat(predicted, 7), 2, np.repeat(np.arange(150), 7)
    )
    assert copied == pytest.approx(alone, abs=1e-12)
