"""The statistics equal scipy's and statsmodels' where they compute the same, hold their level in
simulation, and never say more than the data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rnnlab.compare import simulation
from rnnlab.compare.scores import accuracy_scores, macro_f1_scores
from rnnlab.compare.simulation import DEVIATIONS, MOST_WRONG, PAIRS, SEEDS, Cell, simulate
from rnnlab.compare.statistics import LEVEL, Arm, difference, grouped, holm, mcnemar, mean_of
from rnnlab.intervals import accuracy_interval

from ..synthetic import answers


def arm_of(figures: list[float]) -> Arm:
    return Arm(np.array(figures), None)


def test_without_answers_it_is_welchs_t_test():
    generator = np.random.default_rng(1)
    for first, second in ((3, 3), (5, 3), (2, 7)):
        a, b = generator.normal(0.8, 0.01, first), generator.normal(0.81, 0.03, second)
        expected = stats.ttest_ind(a, b, equal_var=False)
        found = difference(Arm(a, None), Arm(b, None))
        interval = expected.confidence_interval(0.95)
        assert found.p == pytest.approx(expected.pvalue, rel=1e-10)
        assert found.freedom == pytest.approx(expected.df, rel=1e-10)
        assert found.interval == pytest.approx((interval.low, interval.high), rel=1e-10)


def test_a_mean_without_answers_has_students_interval():
    figures = np.array([0.81, 0.83, 0.80, 0.84])
    expected = stats.ttest_1samp(figures, 0).confidence_interval(0.95)
    assert mean_of(Arm(figures, None)).interval == pytest.approx((expected.low, expected.high))


def test_the_detectable_difference_is_statsmodels():
    power = pytest.importorskip("statsmodels.stats.power")
    for size in (3, 5, 20):
        a, b = np.linspace(0.8, 0.82, size), np.linspace(0.7, 0.72, size)
        for tests in (1, 4):
            effect = power.TTestIndPower().solve_power(
                nobs1=size, alpha=LEVEL / tests, power=0.8, ratio=1
            )
            found = difference(Arm(a, None), Arm(b, None)).smallest_detectable(tests)
            assert found == pytest.approx(effect * a.std(ddof=1), rel=1e-4)


def test_holm_is_statsmodels():
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    generator = np.random.default_rng(2)
    for size in (1, 2, 7):
        values = generator.random(size) ** 3
        expected = multitest.multipletests(values, method="holm")[1]
        assert holm(values.tolist()) == pytest.approx(expected.tolist())
    assert holm([]) == []


@pytest.mark.parametrize("wrong", [0.02, 0.2])
def test_mcnemar_is_statsmodels(wrong):
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    generator = np.random.default_rng(3)
    first, second = generator.random((2, 400)) > np.array([[wrong], [wrong / 2]])
    table = [
        [(first & second).sum(), (first & ~second).sum()],
        [(~first & second).sum(), (~first & ~second).sum()],
    ]
    found = mcnemar(first, second)
    expected = tables.mcnemar(table, exact=found.is_exact, correction=True)
    assert found.is_exact == (wrong == 0.02)
    assert found.p == pytest.approx(expected.pvalue)
    assert mcnemar(first, first).p == 1.0


def test_a_single_model_has_wilsons_interval():
    right = np.random.default_rng(4).random(300) < 0.8
    expected = stats.binomtest(int(right.sum()), 300).proportion_ci(method="wilson")
    assert accuracy_interval(right) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("scores", [accuracy_scores, macro_f1_scores])
@pytest.mark.parametrize("labels", [("neg", "pos"), ("a", "b", "c", "d", "e")])
def test_example_noise_is_that_of_jointly_resampled_examples(scores, labels):
    """The closed form against scipy's paired bootstrap of the difference of two metrics."""
    first = answers(600, 0.75, 1, labels)
    second = answers(600, 0.70, 2, labels)

    def metric(rows: np.ndarray, guesses: np.ndarray) -> float:
        truth = first.labels[rows]
        if scores is accuracy_scores:
            return float((guesses[rows] == truth).mean())
        f1 = [
            2 * ((guesses[rows] == c) & (truth == c)).sum()
            / ((guesses[rows] == c).sum() + (truth == c).sum())
            for c in range(len(labels))
        ]  # fmt: skip
        return float(np.mean(f1))

    guesses = [part.probabilities.argmax(axis=1) for part in (first, second)]
    found = stats.bootstrap(
        (np.arange(600),),
        lambda rows: metric(rows, guesses[0]) - metric(rows, guesses[1]),
        n_resamples=2000,
        vectorized=False,
        method="percentile",
        rng=np.random.default_rng(5),
    )
    arms = [Arm(scores(part).mean(keepdims=True), scores(part)[None]) for part in (first, second)]
    contrast = difference(*arms)
    expected = metric(np.arange(600), guesses[0]) - metric(np.arange(600), guesses[1])
    assert contrast.value == pytest.approx(expected, abs=1e-12)
    assert contrast.scope == "models"
    assert contrast.example_error == pytest.approx(found.standard_error, rel=0.06)


def clustered(generator, sizes, *, effect, seeds=3):
    """Two arms as good as each other; each group of examples favours one or the other."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    favour = effect * generator.standard_normal(len(sizes))[groups]
    shares = 0.8 + np.stack([favour, -favour])
    return groups, [
        (generator.random((seeds, len(groups))) < np.clip(share, 0, 1)).astype(float)
        for share in shares
    ]


@pytest.mark.parametrize("scores", [accuracy_scores, macro_f1_scores])
def test_group_noise_is_that_of_jointly_resampled_groups(scores):
    """The closed form against a bootstrap of whole groups of unlike sizes."""
    generator = np.random.default_rng(11)
    sizes = generator.integers(1, 9, 150)
    groups = np.repeat(np.arange(150), sizes)
    size = len(groups)
    first, second = (answers(size, accuracy, seed) for accuracy, seed in ((0.75, 1), (0.7, 2)))
    kind = generator.random(150)[groups] < 0.3  # groups that the second model gets right alone
    lost, won = (np.eye(2, dtype=np.float32)[part] for part in (1 - first.labels, first.labels))
    first = replace(first, probabilities=np.where(kind[:, None], lost, first.probabilities))
    second = replace(second, probabilities=np.where(kind[:, None], won, second.probabilities))
    members = [np.flatnonzero(groups == number) for number in range(150)]

    def gain(chosen: np.ndarray) -> float:
        rows = np.concatenate([members[number] for number in chosen])
        parts = [
            replace(
                part,
                rows=rows,
                labels=part.labels[rows],
                probabilities=part.probabilities[rows],
            )
            for part in (first, second)
        ]
        return float(np.subtract(*(scores(part).mean() for part in parts)))

    draws = [gain(generator.integers(0, 150, 150)) for _ in range(1500)]
    arms = [Arm(scores(part).mean(keepdims=True), scores(part)[None]) for part in (first, second)]
    single = difference(*arms)
    found = difference(*(grouped(arm, groups) for arm in arms))
    assert found.unit == "groups"
    assert found.value == pytest.approx(single.value, abs=1e-12)
    assert found.example_error == pytest.approx(np.std(draws), rel=0.08)
    assert found.example_error > 1.4 * single.example_error


def test_groups_of_one_are_single_examples():
    generator = np.random.default_rng(12)
    _, parts = clustered(generator, np.ones(400, int), effect=0.0)
    arms = [Arm(part.mean(axis=1), part) for part in parts]
    order = generator.permutation(400)
    one, other = difference(*arms), difference(*(grouped(arm, order) for arm in arms))
    assert other.error == pytest.approx(one.error, rel=1e-12)
    assert other.p == pytest.approx(one.p, rel=1e-12)


def test_groups_keep_the_level_that_single_examples_do_not():
    generator = np.random.default_rng(13)
    wrong = {"examples": 0, "groups": 0}
    for _ in range(PAIRS):
        groups, parts = clustered(generator, np.full(100, 20), effect=0.15)
        arms = [Arm(part.mean(axis=1), part) for part in parts]
        for pair in (arms, [grouped(arm, groups) for arm in arms]):
            found = difference(*pair)
            wrong[found.unit] += (found.p or 0) <= LEVEL
    assert wrong["groups"] <= MOST_WRONG
    assert wrong["examples"] > 2 * MOST_WRONG


def test_macro_f1_scores_have_macro_f1_as_their_mean():
    for seed in range(5):
        part = answers(200, 0.6, seed, ("a", "b", "c"))
        assert macro_f1_scores(part).mean() == pytest.approx(part.metrics().macro_f1, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    seeds=st.tuples(st.integers(2, 5), st.integers(2, 5)),
    size=st.integers(2, 60),
    chance=st.integers(0, 2**32 - 1),
)
def test_an_interval_is_never_narrower_than_either_noise_alone(seeds, size, chance):
    generator = np.random.default_rng(chance)
    arms = []
    for number in seeds:
        scores = (generator.random((number, size)) < 0.8).astype(float)
        arms.append(Arm(scores.mean(axis=1), scores))
    found = difference(*arms)
    assert found.error is not None
    assert found.seed_error is not None
    assert found.example_error is not None
    assert found.error >= found.seed_error * (1 - 1e-9)
    # the luck of single examples is in both, and counted once
    if found.example_error**2 > 1 / size**2:
        assert found.error >= found.example_error * (1 - 1e-9)
    assert 0 <= (found.p or 0) <= 1


def test_exchanging_the_arms_turns_the_sign():
    generator = np.random.default_rng(6)
    a, b = ((generator.random((3, 500)) < share).astype(float) for share in (0.8, 0.85))
    one = difference(Arm(a.mean(1), a), Arm(b.mean(1), b))
    other = difference(Arm(b.mean(1), b), Arm(a.mean(1), a))
    assert one.value == pytest.approx(-other.value)
    assert one.error == pytest.approx(other.error)


def test_what_is_easy_for_all_cancels_in_a_difference():
    generator = np.random.default_rng(7)
    ease = generator.random(2000) < 0.8
    a, b = (
        np.where(generator.random((3, 2000)) < 0.02, ~ease, ease).astype(float) for _ in range(2)
    )
    arms = Arm(a.mean(1), a), Arm(b.mean(1), b)
    assert difference(*arms).example_error < mean_of(arms[0]).example_error / 3


def test_a_model_without_a_seed_has_no_seed_noise():
    generator = np.random.default_rng(8)
    scores = (generator.random((1, 500)) < 0.8).astype(float)
    linear = Arm(scores.mean(1), scores, has_seed=False)
    several = (generator.random((3, 500)) < 0.8).astype(float)
    network = Arm(several.mean(1), several)
    assert difference(network, linear).scope == "configurations"
    single = Arm(scores.mean(1), scores)
    assert difference(network, single).scope == "models"
    assert difference(network, single).seed_error is None


def test_one_seed_and_no_answers_show_nothing():
    found = difference(arm_of([4.5]), arm_of([4.6]))
    assert (found.error, found.p, found.interval) == (None, None, None)
    assert found.smallest_detectable() is None


def test_the_simulation_would_notice_seeds_left_out():
    """Its models differ by seed: intervals from examples alone are wrong far too often."""
    generator = np.random.default_rng(9)
    wrong = 0
    for _ in range(100):
        a, b = simulation._draw_pair(Cell(1.0, 3), 1000, generator)
        single = [Arm(arm.figures[:1], arm.scores[:1]) for arm in (a, b)]
        wrong += (difference(*single).p or 0) <= LEVEL
    assert wrong > 15


@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("deviation", DEVIATIONS)
def test_at_most_29_wrong_verdicts_of_400(deviation, seeds):
    outcome = simulate(Cell(deviation, seeds), pairs=PAIRS)
    assert outcome.called * PAIRS <= MOST_WRONG


def test_a_true_difference_is_seen():
    """The power that docs/comparing.md states, where it is high."""
    for cell in (Cell(0.0, 3, gain=2, shared=0.8), Cell(0.3, 5, gain=2, shared=0.8)):
        outcome = simulate(cell, pairs=100)
        assert outcome.called >= 0.95
        assert outcome.covered >= 0.9
        assert outcome.detectable < 2


@pytest.mark.slow
def test_unlike_configurations_are_called_at_the_level():
    outcome = simulate(Cell(1.0, 3, shared=0.8), pairs=2000)
    assert outcome.called <= 0.0625  # 5 % and 2.6 standard errors
    assert outcome.covered >= 0.9375
