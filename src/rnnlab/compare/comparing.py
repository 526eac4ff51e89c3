"""Compare the configurations of a study, or of runs: effects, costs, and what to choose."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

import numpy as np

from rnnlab.compare.arms import Collection, Configuration, Group, TrainedModel
from rnnlab.compare.budget import Limit, choose
from rnnlab.compare.cost import MEASURES
from rnnlab.compare.outcome import Comparison, CostRow, GroupResult, LevelResult
from rnnlab.compare.pareto import pareto_front
from rnnlab.compare.scores import is_right
from rnnlab.compare.statistics import Arm, Contrast, McNemar, difference, holm, mcnemar, mean_of
from rnnlab.compare.verdict import Difference, judge, level
from rnnlab.exceptions import UserError
from rnnlab.intervals import Interval, accuracy_interval

Reference = Literal["auto", "base", "best"]
Metric = Literal["auto", "accuracy", "macro_f1", "perplexity"]


def compare(
    collection: Collection,
    *,
    metric: Metric = "auto",
    to: Reference = "auto",
    limits: Sequence[Limit] = (),
) -> Comparison:
    """Compare the configurations of each group with its base, or with its best.

    The best is known from the same figures, which flatters it: p-values are then adjusted for all
    pairs, among which it was found.

    Args:
        collection: what to compare.
        metric: by which; "auto" takes that of the study or runs.
        to: what with; "auto" takes the base where a group has one.
        limits: a budget; none where it is empty.

    Raises:
        UserError: the runs cannot be compared.
    """
    chosen = _metric(collection, metric)
    groups = [_compare_group(collection, group, chosen, to) for group in collection.groups]
    costs = _cost_rows(collection, chosen)
    budget = None
    if limits:
        sign = -1 if chosen == "perplexity" else 1
        budget = choose(
            limits,
            {row.label: sign * row.mean for row in costs},
            {row.label: row.costs for row in costs},
            lambda quality: level(sign * quality, chosen),
        )
    departures = collection.study.changed.in_words() if collection.study else []
    return Comparison(collection.name, chosen, "val", departures, groups, costs, budget)


def _metric(collection: Collection, metric: Metric) -> str:
    chosen = collection.metric if metric == "auto" else metric
    for item in collection.configurations():
        for model in item.models:
            if model.is_language_model != (chosen == "perplexity"):
                kind = "a language model" if model.is_language_model else "a classifier"
                raise UserError(f"{model.path} is {kind}: it has no {chosen}")
    return chosen


def _compare_group(collection: Collection, group: Group, metric: str, to: Reference) -> GroupResult:
    reasons = {
        index: "no finished run"
        for index, item in enumerate(group.configurations)
        if not item.models
    }
    by_groups = all(item.has_groups for item in group.configurations if item.models)
    arms = {
        index: item.arm(metric, by_groups=by_groups)
        for index, item in enumerate(group.configurations)
        if index not in reasons
    }
    reference, by = _reference(group, arms, metric, to)
    if reference is not None:
        for index in arms:
            if problem := _mismatch(group.configurations[reference], group.configurations[index]):
                if collection.study is None:
                    raise UserError(problem)
                reasons[index] = problem
    paired = [index for index in arms if index not in reasons]
    differences = _differences(group, arms, paired, reference, by, metric)
    levels = [
        _level_result(item, arms.get(i), i == reference, differences.get(i), reasons.get(i), metric)
        for i, item in enumerate(group.configurations)
    ]
    examples = groups = None
    if reference is not None and (scores := arms[reference].scores) is not None:
        examples = len(group.configurations[reference].models[0].predictions.rows)
        groups = scores.shape[1] if by_groups else None
    return GroupResult(
        name=group.name,
        title=group.title,
        factor=group.factor,
        numeric=group.numeric,
        reference=None if reference is None else group.configurations[reference].label,
        by=by,
        examples=examples,
        groups=groups,
        levels=levels,
    )


def _reference(
    group: Group, arms: dict[int, Arm], metric: str, to: Reference
) -> tuple[int | None, str]:
    """Which configuration the others are compared with, and by what it was chosen."""
    base = next((i for i, item in enumerate(group.configurations) if item.is_base), None)
    if to != "best" and base in arms:
        return base, "base"
    if to == "base":
        state = "is not finished" if base is not None else "has none"
        raise UserError(f"--to base: the base of group '{group.name}' {state}; use --to best")
    sign = -1 if metric == "perplexity" else 1
    best = max(arms, key=lambda i: sign * arms[i].figures.mean()) if arms else None
    return best, "best"


def _mismatch(reference: Configuration, item: Configuration) -> str | None:
    """Why the answers of two configurations are not to the same examples; None if they are."""
    first = reference.distinct[0]
    for model in item.distinct:
        pair = f"{first.path} and {model.path}"
        data = model.facts["identity"].get("data"), first.facts["identity"].get("data")
        if data[0] != data[1]:
            return f"{pair} were trained on different data"
        if not first.is_language_model and not _same_rows(first, model):
            return f"{pair} validate on different rows; give both one data.validation"
    return None


def _same_rows(first: TrainedModel, second: TrainedModel) -> bool:
    a, b = first.predictions, second.predictions
    return (
        a.names == b.names and np.array_equal(a.rows, b.rows) and np.array_equal(a.labels, b.labels)
    )


def _differences(
    group: Group,
    arms: dict[int, Arm],
    paired: Sequence[int],
    reference: int | None,
    by: str,
    metric: str,
) -> dict[int, Difference]:
    """Differences to the reference, adjusted over the family among which it stands."""
    if reference is None:
        return {}
    if by == "base":
        pairs = [(index, reference) for index in paired if index != reference]
    else:  # whichever is best, it was found among all pairs
        pairs = [
            (second, first) if first == reference else (first, second)
            for first, second in itertools.combinations(paired, 2)
        ]
    contrasts = {pair: difference(arms[pair[0]], arms[pair[1]]) for pair in pairs}
    tests = {
        (i, j): _mcnemar(group.configurations[i], group.configurations[j], contrasts[i, j], metric)
        for i, j in pairs
    }
    adjusted = _adjusted({pair: _p(contrasts[pair], tests[pair]) for pair in pairs})
    labels = [item.label for item in group.configurations]
    return {
        i: judge(
            labels[i],
            labels[j],
            contrasts[i, j],
            tests[i, j],
            adjusted.get((i, j)),
            max(len(adjusted), 1),
            metric,
        )
        for i, j in pairs
        if j == reference
    }


def _adjusted(values: dict[tuple[int, int], float | None]) -> dict[tuple[int, int], float]:
    known = {pair: p for pair, p in values.items() if p is not None}
    return dict(zip(known, holm(list(known.values())), strict=True))


def _p(contrast: Contrast, test: McNemar | None) -> float | None:
    return contrast.p if test is None else test.p


def _mcnemar(
    item: Configuration, other: Configuration, contrast: Contrast, metric: str
) -> McNemar | None:
    """The test of two single models by accuracy; None where the contrast's own is the one."""
    if metric != "accuracy" or contrast.unit == "groups":
        return None
    if len(item.distinct) > 1 or len(other.distinct) > 1:
        return None
    (first,), (second,) = ([model.predictions for model in it.distinct] for it in (item, other))
    return mcnemar(is_right(first), is_right(second))


def _level_result(
    item: Configuration,
    arm: Arm | None,
    is_reference: bool,
    found: Difference | None,
    reason: str | None,
    metric: str,
) -> LevelResult:
    mean = None if arm is None else mean_of(arm)
    several = arm is not None and len(arm.figures) > 1
    return LevelResult(
        label=item.label,
        value=item.value,
        is_base=item.is_base,
        is_reference=is_reference,
        seeds=[model.seed for model in item.models],
        runs=[str(model.path) for model in item.models],
        unfinished=[entry.model_dump(exclude={"run"}) for entry in item.unfinished],
        figures=[] if arm is None else arm.figures.tolist(),
        mean=None if mean is None else mean.value,
        interval=None if arm is None or mean is None else _interval(arm, mean, metric),
        seed_deviation=float(arm.figures.std(ddof=1)) if arm is not None and several else None,
        seed_error=None if mean is None else mean.seed_error,
        example_error=None if mean is None else mean.example_error,
        difference=found,
        reason=reason,
        costs=item.costs(),
    )


def _interval(arm: Arm, mean: Contrast, metric: str) -> Interval | None:
    """Of a mean; of a single model's accuracy it is Wilson's."""
    single = len(arm.figures) == 1 and arm.unit == "examples"
    if metric == "accuracy" and single and arm.scores is not None:
        return accuracy_interval(arm.scores[0] > 0.5)
    if mean.interval is None or metric == "perplexity":
        return mean.interval
    return max(0.0, mean.interval[0]), min(1.0, mean.interval[1])


def _cost_rows(collection: Collection, metric: str) -> list[CostRow]:
    items = collection.configurations()
    sign = -1 if metric == "perplexity" else 1
    means = [float(item.arm(metric).figures.mean()) for item in items]
    costs = [item.costs() for item in items]
    fronts: list[dict[str, bool]] = [{} for _ in items]
    for key, measure in MEASURES.items():
        known = [i for i, cost in enumerate(costs) if key in cost]
        direction = 1 if measure.less_is_better else -1
        front = pareto_front(
            [sign * means[i] for i in known], [direction * costs[i][key] for i in known]
        )
        for index, value in zip(known, front, strict=True):
            fronts[index][key] = value
    return [
        CostRow(item.label, [str(model.path) for model in item.models], mean, cost, front)
        for item, mean, cost, front in zip(items, means, costs, fronts, strict=True)
    ]
