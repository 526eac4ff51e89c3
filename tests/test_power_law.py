"""Laws of learning curves: known ones are found again, unknown ones are not made up."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlab.power_law import draw_laws

SIZES = np.repeat([800.0, 1600.0, 4000.0, 8000.0], 3)


def law(a, b, c, n):
    return a + b * np.asarray(n, float) ** -c


def simulated(a, b, c, noise, seed, sizes=SIZES):
    scatter = np.random.default_rng(seed).normal(0, noise, len(sizes))
    return law(a, b, c, sizes) * (1 + scatter)


@pytest.mark.parametrize(
    ("a", "b", "c"), [(0.05, 3.0, 0.4), (0.0, 1.5, 0.25), (0.1, 20.0, 0.7), (0.2, 1.0, 0.1)]
)
def test_a_known_law_without_noise_is_found_again(a, b, c):
    laws = draw_laws(SIZES, law(a, b, c, SIZES), resolution=1e-5)
    assert laws is not None
    truth = law(a, b, c, 8000) - law(a, b, c, 16000)
    gain = laws.gain()
    assert gain.value == pytest.approx(truth, abs=3e-4)
    assert gain.high - gain.low < 1e-3
    assert laws.misfit < 1e-3
    for size in (800, 3000, 16000):
        assert laws.error(size).value == pytest.approx(law(a, b, c, size), abs=3e-4)


@pytest.mark.parametrize("noise", [0.01, 0.05])
@pytest.mark.parametrize(("a", "b", "c"), [(0.08, 2.0, 0.35), (0.1, 50.0, 1.0), (0.3, 0.0, 1.0)])
def test_the_interval_holds_the_true_gain_about_as_often_as_it_says(a, b, c, noise):
    truth = law(a, b, c, 8000) - law(a, b, c, 16000)
    covered, widths = 0, []
    for seed in range(100):
        laws = draw_laws(SIZES, simulated(a, b, c, noise, seed), resolution=1e-4)
        gain = laws.gain()
        covered += gain.low <= truth <= gain.high
        widths.append(gain.high - gain.low)
    assert covered >= 80
    assert np.median(widths) < 2 * noise * law(a, b, c, 8000) + 0.005


def test_a_misfit_is_seen_where_there_is_one_and_seldom_elsewhere():
    alarms = [
        draw_laws(SIZES, simulated(0.08, 2, 0.35, 0.02, seed), resolution=1e-4).misfit > 0
        for seed in range(200)
    ]
    assert np.mean(alarms) < 0.04
    bent = np.repeat([0.5, 0.48, 0.3, 0.1], 3)
    for seed in range(5):
        scatter = np.random.default_rng(seed).normal(0, 0.005, len(SIZES))
        laws = draw_laws(SIZES, bent + scatter, resolution=1e-4)
        assert 0.01 < laws.misfit < 0.2


def test_more_noise_is_less_certainty_and_the_same_input_the_same_answer():
    widths = []
    for noise in (0.002, 0.02, 0.2):
        gain = draw_laws(SIZES, simulated(0.05, 3, 0.4, noise, 1), resolution=1e-4).gain()
        assert gain == draw_laws(SIZES, simulated(0.05, 3, 0.4, noise, 1), resolution=1e-4).gain()
        widths.append(gain.high - gain.low)
    assert widths[0] < widths[1] < widths[2]


def test_a_flat_curve_gains_nothing():
    errors = 0.5 + np.random.default_rng(0).normal(0, 0.001, len(SIZES))
    gain = draw_laws(SIZES, errors, resolution=1e-3).gain()
    assert abs(gain.value) < 0.002
    assert gain.low <= 0 <= gain.high


def test_errors_that_cannot_be_told_apart_are_as_uncertain_as_their_resolution():
    coarse = draw_laws(SIZES, np.full(len(SIZES), 0.2), resolution=0.1).gain()
    fine = draw_laws(SIZES, np.full(len(SIZES), 0.2), resolution=0.001).gain()
    assert coarse.high - coarse.low > 10 * (fine.high - fine.low)
    assert draw_laws(SIZES, np.zeros(len(SIZES)), resolution=0.01).gain().value == pytest.approx(
        0, abs=0.01
    )


def test_too_little_to_tell_chance_from_law():
    errors = np.array([0.4, 0.3, 0.2, 0.1])
    for sizes in ([1.0, 2, 4, 8], [1.0, 1, 4, 4]):
        assert draw_laws(np.array(sizes), errors, resolution=0.01) is None
