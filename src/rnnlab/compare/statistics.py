"""How large a difference between two configurations is, and whether the data can show it.

A configuration (an arm) is trained with several seeds; every model answers the same validation
examples. With S seeds and N examples, a model's figure is the mean of its scores float64[S, N] over
examples. Two things leave the truth open, and both are in every interval:

- seeds: another seed gives another model. Seeds are independent from arm to arm. Their variance is
  estimated within each arm, with S - 1 degrees of freedom (Welch 1947, Satterthwaite 1946).
- examples: other examples favour other models. All models answer the same ones, so that what is
  easy for all cancels in a difference. The variance is that over jointly resampled examples, in
  closed form (the infinitesimal jackknife), so it has no chance of its own.
  Where examples belong to groups (reviews of one film), whole groups are resampled.

The luck of one seed on one example is part of both. It is measured (the spread of the models of an
arm on the same example) and counted once: the seeds' variance holds it already. That part also
bounds the seeds' variance from below, since three seeds may by chance be closer to each other than
any three models of that kind can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Scope = Literal["configurations", "models"]
Unit = Literal["examples", "groups"]

LEVEL = 0.05
POWER = 0.8
_SMALL = 25  # discordant examples below which McNemar's test is exact


@dataclass(frozen=True)
class Arm:
    """The models of one configuration.

    Attributes:
        figures: of each model, float64[S].
        scores: of each model on each example (or group), float64[S, N], with the figures as row
            means; None where no single answers are kept.
        has_seed: whether another seed would give another model.
        unit: what is resampled: examples, or groups of them (`grouped`).
    """

    figures: Floats
    scores: Floats | None
    has_seed: bool = True
    unit: Unit = "examples"

    @property
    def is_spread_known(self) -> bool:
        """Whether the runs show what another seed would change."""
        return not self.has_seed or len(self.figures) > 1


def grouped(arm: Arm, groups: npt.NDArray[np.int64]) -> Arm:
    """The arm with a score for each group, so that whole groups are resampled.

    A group's score is the mean plus what its examples add to it together; so the mean of the scores
    is as before, and their variance that of a mean over resampled groups of unlike sizes (the
    infinitesimal jackknife).

    Args:
        arm: with a score for each example.
        groups: of each example, int64[N].
    """
    if arm.scores is None:
        return arm
    _, numbers = np.unique(groups, return_inverse=True)
    count = int(numbers.max(initial=-1)) + 1
    means = arm.scores.mean(axis=1, keepdims=True)
    parts = [np.bincount(numbers, weights=row, minlength=count) for row in arm.scores - means]
    scores = means + np.stack(parts) * (count / len(groups))
    return replace(arm, scores=scores, unit="groups")


@dataclass(frozen=True)
class Contrast:
    """A mean over seeds, or a difference of two.

    Attributes:
        value: the mean or difference.
        seed_error: standard error from seeds alone, on these examples; None with one seed.
        example_error: standard error from examples alone, of these models; None without answers.
        error: standard error from both; None where nothing shows it.
        freedom: degrees of freedom of `error`.
        scope: what it concerns: "configurations", or with one seed these trained "models" alone.
        unit: what was resampled.
    """

    value: float
    seed_error: float | None
    example_error: float | None
    error: float | None
    freedom: float
    scope: Scope
    unit: Unit = "examples"

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval by Student's t."""
        if self.error is None:
            return None
        half = _quantile(1 - LEVEL / 2, self.freedom) * self.error
        return self.value - half, self.value + half

    @property
    def p(self) -> float | None:
        """Two-sided p-value of no difference."""
        from scipy.special import stdtr

        if self.error is None:
            return None
        if self.error == 0:
            return float(self.value == 0)
        return float(2 * stdtr(self.freedom, -abs(self.value) / self.error))

    def smallest_detectable(self, tests: int = 1) -> float | None:
        """The true difference that such data would call one in 80 of 100 cases.

        Args:
            tests: how many differences share the 5 %; the strictest step of Holm's is taken.
        """
        return self.error and self.error * _detectable(self.freedom, LEVEL / tests)


def mean_of(arm: Arm) -> Contrast:
    """The mean over an arm's models."""
    return _contrast([(1, arm)])


def difference(arm: Arm, reference: Arm) -> Contrast:
    """An arm's mean minus the reference's; both have answered the same examples."""
    return _contrast([(1, arm), (-1, reference)])


def _contrast(parts: Sequence[tuple[int, Arm]]) -> Contrast:
    value = sum(sign * float(arm.figures.mean()) for sign, arm in parts)
    unit = parts[0][1].unit
    per_example = _example_difference(parts)
    example_variance = None if per_example is None else _variance_of_mean(per_example)
    raw = [_seed_variance(arm) for _, arm in parts]
    known = all(arm.is_spread_known for _, arm in parts)
    seed_error = float(np.sqrt(sum(raw))) if known else None
    example_error = None if example_variance is None else float(np.sqrt(example_variance))
    if not known:
        size = 1 if per_example is None else len(per_example)
        freedom = max(size - 1, 1)
        return Contrast(value, None, example_error, example_error, freedom, "models", unit)
    luck = [_luck_variance(arm) for _, arm in parts]
    seeds = [max(pair) for pair in zip(raw, luck, strict=True)]
    variances, freedoms = list(seeds), [max(len(arm.figures) - 1, 1) for _, arm in parts]
    if per_example is not None and example_variance is not None:
        variances.append(max(0.0, example_variance - sum(luck)))
        freedoms.append(max(len(per_example) - 1, 1))
    freedom = satterthwaite(variances, freedoms)
    error = float(np.sqrt(sum(variances)))
    return Contrast(value, seed_error, example_error, error, freedom, "configurations", unit)


def _example_difference(parts: Sequence[tuple[int, Arm]]) -> Floats | None:
    total: Floats | None = None
    for sign, arm in parts:
        if arm.scores is None:
            return None
        part = sign * arm.scores.mean(axis=0)
        total = part if total is None else total + part
    return total


def _variance_of_mean(values: Floats) -> float:
    """Of a mean over resampled examples (or groups); never below that of one in doubt."""
    size = len(values)
    if size < 2:
        return 1.0
    return max(float(values.var(ddof=1)) / size, 1 / size**2)


def _seed_variance(arm: Arm) -> float:
    """Of an arm's mean over other seeds, on the same examples."""
    size = len(arm.figures)
    return float(arm.figures.var(ddof=1)) / size if arm.has_seed and size > 1 else 0.0


def _luck_variance(arm: Arm) -> float:
    """The part of `_seed_variance` that comes from single examples going either way: expected even
    where every seed is as good as the others."""
    size = len(arm.figures)
    if arm.scores is None or not arm.has_seed or size < 2:
        return 0.0
    # over examples, the variance about the arm's mean answer; numpy's var is over examples too
    centred = arm.scores - arm.scores.mean(axis=0)
    spread = float(centred.var(axis=1, ddof=1).sum()) / (size - 1)
    return spread / arm.scores.shape[1] / size


def satterthwaite(variances: Sequence[float], freedoms: Sequence[float]) -> float:
    """Degrees of freedom of a sum of independent variances. Source: Satterthwaite 1946."""
    squares = sum(v**2 / f for v, f in zip(variances, freedoms, strict=True))
    return sum(variances) ** 2 / squares if squares else float(max(freedoms))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for how many they are, in their order. Source: Holm 1979."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


@dataclass(frozen=True)
class McNemar:
    """McNemar's test of two models.

    Attributes:
        only_first, only_second: examples that one of the two alone got right.
        p: two-sided.
        is_exact: by the binomial distribution; else by chi squared with continuity correction.
    """

    only_first: int
    only_second: int
    p: float
    is_exact: bool


def mcnemar(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> McNemar:
    """Compare two models on the examples that one of them alone got right, bool[N] each.

    Source: McNemar 1947; Edwards 1948 for the correction.
    """
    from scipy.stats import binomtest, chi2

    a, b = int((first & ~second).sum()), int((second & ~first).sum())
    if a + b == 0:
        return McNemar(0, 0, 1.0, True)
    if a + b < _SMALL:
        return McNemar(a, b, float(binomtest(a, a + b).pvalue), True)
    statistic = max(abs(a - b) - 1, 0) ** 2 / (a + b)
    return McNemar(a, b, float(chi2.sf(statistic, 1)), False)


def _quantile(p: float, freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, p))


def _detectable(freedom: float, level: float) -> float:
    """In standard errors: the noncentrality with which |t| exceeds its limit with `POWER`."""
    from scipy.optimize import brentq
    from scipy.special import nctdtr, ndtr

    limit = _quantile(1 - level / 2, freedom)

    def excess(noncentrality: float) -> float:
        """Of the power; the far tail has no part in it at 80 %."""
        if freedom > 1000:  # normal by then, and beyond what the noncentral t computes well
            return float(ndtr(noncentrality - limit)) - POWER
        return 1 - float(nctdtr(freedom, noncentrality, limit)) - POWER

    found: Any = brentq(excess, 0.0, 2 * limit + 5)
    return float(found)
