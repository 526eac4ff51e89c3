"""Weights of an ensemble against a grid, an optimality certificate, and known answers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlab.ensemble import average
from rnnlab.ensembling import fit_weights


def loss(chosen, weights):
    return float(-np.log(chosen @ np.asarray(weights)).mean())


def answers(seed, members, rows=60):
    """Probabilities of the true class that are alike between members, as those of runs are."""
    generator = np.random.default_rng(seed)
    common = generator.normal(1, 2, (rows, 1))
    own = generator.normal(0, generator.uniform(0.1, 2, members), (rows, members))
    return 1 / (1 + np.exp(-common - own))


@pytest.mark.parametrize("seed", range(6))
def test_no_point_of_a_grid_is_better(seed):
    chosen = answers(seed, 3)
    weights = fit_weights(chosen)
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    assert (weights >= 0).all()
    steps = np.linspace(0, 1, 101)
    grid = [(a, b, 1 - a - b) for a, b in itertools.product(steps, steps) if a + b <= 1 + 1e-12]
    values = [loss(chosen, np.maximum(point, 0)) for point in grid]
    best = int(np.argmin(values))
    assert loss(chosen, weights) <= values[best] + 1e-9
    assert np.abs(weights - grid[best]).max() < 0.05


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(2, 8), st.integers(2, 400))
def test_the_condition_of_optimality_holds(seed, members, rows):
    """At the optimum of this convex problem no member's gradient exceeds 1, and the gap to the
    optimum is at most that excess."""
    chosen = answers(seed, members, rows)
    weights = fit_weights(chosen)
    gradient = (chosen / (chosen @ weights)[:, None]).mean(axis=0)
    assert gradient.max() - 1 < 1e-5


def test_a_member_that_is_always_worse_has_no_weight():
    good = np.random.default_rng(0).uniform(0.5, 0.9, 50)
    assert fit_weights(np.stack([good - 0.3, good, good - 0.4], axis=1)) == pytest.approx([0, 1, 0])


def test_equal_members_keep_equal_weights():
    same = np.random.default_rng(0).uniform(0.1, 0.9, 50)
    assert fit_weights(np.stack([same] * 4, axis=1)).tolist() == [0.25] * 4


def test_members_that_are_sure_and_wrong_do_not_break_it():
    chosen = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    assert fit_weights(chosen) == pytest.approx([2 / 3, 1 / 3], abs=1e-4)


def test_the_mean_is_exact():
    generator = np.random.default_rng(5)
    parts = [generator.dirichlet([1, 1, 1], 40).astype(np.float32) for _ in range(4)]
    weights = generator.dirichlet([1] * 4).tolist()
    mean = average(parts, weights)
    assert mean.dtype == np.float32
    exact = sum(w * p.astype(np.longdouble) for w, p in zip(weights, parts, strict=True))
    np.testing.assert_allclose(mean, exact.astype(np.float64), rtol=2**-23, atol=0)
    np.testing.assert_array_equal(average(parts[:1], [1.0]), parts[0])
