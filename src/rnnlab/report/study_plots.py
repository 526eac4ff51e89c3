"""Figures of a study: a metric over a factor, time over a factor, quality over cost."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from rnnlab.compare.arms import Collection, Configuration, Group
from rnnlab.compare.cost import MEASURES
from rnnlab.compare.outcome import Comparison, GroupResult, LevelResult
from rnnlab.perplexity import perplexity
from rnnlab.plots.pareto import draw_pareto
from rnnlab.plots.plot import Plot
from rnnlab.plots.series import Series, draw_levels, draw_series
from rnnlab.report.material import RunMaterial
from rnnlab.report.sections import metric_title

_PARETO = ("cpu_seconds", "latency_ms")


def group_plots(
    number: int, group: GroupResult, second: GroupResult | None, source: Group, metric: str
) -> list[Plot]:
    """The metric by level, with a second metric beside it, and for numbers time by level.

    Args:
        number: of the group in the study; part of the files' names.
        group: compared by the study's metric.
        second: the same compared by another; None for perplexity.
        source: the runs.
        metric: the study's.
    """
    name = f"{number + 1}-{_slug(group.name)}"
    other = "macro_f1" if metric == "accuracy" else "accuracy"
    parts = [(metric, group)] + ([(other, second)] if second is not None else [])
    runs = [run for item in group.levels for run in item.runs]
    is_numeric = group.numeric and all(
        isinstance(item.value, int | float) for item in group.levels if item.mean is not None
    )
    caption = (
        "95 % intervals over seeds; with one seed there is none."
        if metric == "perplexity"
        else "95 % intervals from seeds and examples (with one seed, from examples alone)."
    )
    series = [
        _series(metric_title(name_), part.levels, name_, numeric=is_numeric)
        for name_, part in parts
    ]
    if not series[0].x:
        return []
    axis = " and ".join(item.label for item in series)
    title = f"{group.title}: {axis}"
    base = next((i for i, item in enumerate(group.levels) if item.label == group.reference), None)
    if not is_numeric:
        labels = [item.label for item in group.levels]
        return [
            draw_levels(
                name,
                title,
                labels,
                series,
                x=axis,
                caption=caption,
                runs=runs,
                base=base,
                unbounded=metric == "perplexity",
            )
        ]
    place = None if base is None else group.levels[base].value
    factor = group.factor or group.title
    return [
        draw_series(
            name, title, series, x=factor, y=axis, caption=caption, runs=runs,
            base=float(place) if isinstance(place, int | float) else None,
            unbounded=metric == "perplexity",
        ),
        draw_series(
            f"{name}-time", f"{group.title}: time", [_times("training", source.configurations)],
            x=factor, y="seconds an epoch", runs=runs,
            caption="Mean and range over seeds of the training part of an epoch.",
        ),
    ]  # fmt: skip


def joint_plots(collection: Collection, found: Comparison) -> list[Plot]:
    """Groups that vary the same number, in one figure: the metric, time, and for two groups the
    ratio of their times."""
    by_factor: dict[str, list[int]] = {}
    for number, group in enumerate(collection.groups):
        if group.numeric and group.factor is not None:
            by_factor.setdefault(group.factor, []).append(number)
    plots = []
    for factor, numbers in by_factor.items():
        if len(numbers) > 1:
            plots += _joint(factor, numbers, collection, found)
    return plots


def _joint(
    factor: str, numbers: Sequence[int], collection: Collection, found: Comparison
) -> list[Plot]:
    name = f"joint-{_slug(factor)}"
    sources = [collection.groups[number] for number in numbers]
    results = [found.groups[number] for number in numbers]
    runs = [run for result in results for item in result.levels for run in item.runs]
    metrics = [
        _series(result.title, result.levels, found.metric, numeric=True) for result in results
    ]
    times = [_times(source.title, source.configurations) for source in sources]
    title = metric_title(found.metric)
    plots = [
        draw_series(
            name,
            f"{title} by {factor}",
            metrics,
            x=factor,
            y=title,
            runs=runs,
            unbounded=found.metric == "perplexity",
        ),
        draw_series(
            f"{name}-time", f"Time by {factor}", times, x=factor, y="seconds an epoch", runs=runs
        ),
    ]
    if len(times) == 2:
        first, second = (dict(zip(item.x, item.y, strict=True)) for item in times)
        shared = sorted(first.keys() & second.keys())
        if shared:
            ratio = Series("ratio", shared, [second[x] / first[x] for x in shared])
            label = f"{times[1].label} / {times[0].label}"
            plots.append(
                draw_series(
                    f"{name}-ratio", f"Ratio of times by {factor}", [ratio], x=factor, y=label,
                    runs=runs,
                )
            )  # fmt: skip
    return plots


def pareto_plots(found: Comparison) -> list[Plot]:
    """Quality over training CPU time and over latency."""
    plots = []
    for key in _PARETO:
        rows = [row for row in found.costs if key in row.costs]
        if len(rows) < 2:
            continue
        points = [
            (row.label, row.costs[key], _shown(row.mean, found.metric), row.on_front[key])
            for row in rows
        ]
        numbered = "; ".join(f"{i} {row.label}" for i, row in enumerate(rows, start=1))
        unit = f", {MEASURES[key].unit}" if MEASURES[key].unit else ""
        plots.append(
            draw_pareto(
                f"pareto-{_slug(key)}",
                f"{metric_title(found.metric)} over {MEASURES[key].title}",
                points,
                x=f"{MEASURES[key].title}{unit}",
                y=metric_title(found.metric),
                caption=f"Filled: nothing is both better and cheaper. {numbered}.",
                runs=[run for row in rows for run in row.runs],
                less_is_better=found.metric == "perplexity",
            )
        )
    return plots


def _series(label: str, levels: Sequence[LevelResult], metric: str, *, numeric: bool) -> Series:
    shown = [(i, item) for i, item in enumerate(levels) if item.mean is not None]
    if numeric:
        shown.sort(key=lambda pair: float(pair[1].value or 0))
    values = [_shown(item.mean or 0.0, metric) for _, item in shown]
    ends = [item.interval or (item.mean or 0.0,) * 2 for _, item in shown]
    return Series(
        label,
        [float(item.value or 0) if numeric else i for i, item in shown],
        values,
        [_shown(end[0], metric) for end in ends],
        [_shown(end[1], metric) for end in ends],
    )


def _times(label: str, items: Sequence[Configuration]) -> Series:
    numbered = [(float(item.value or 0), item) for item in items if item.models]
    shown = sorted(numbered, key=lambda pair: pair[0])
    each = [
        [RunMaterial(model.path, model.facts).epoch_seconds for model in item.models]
        for _, item in shown
    ]
    return Series(
        label,
        [value for value, _ in shown],
        [float(np.mean(times)) for times in each],
        [min(times) for times in each],
        [max(times) for times in each],
    )


def _shown(value: float, metric: str) -> float:
    return perplexity(value) if metric == "perplexity" else value


def _slug(text: str) -> str:
    """A part of a file's name and of an id: letters, digits and hyphens alone."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40] or "group"
