"""Rows of the tables of a study's page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnlab.compare.arms import Collection
from rnnlab.compare.outcome import Comparison, LevelResult
from rnnlab.compare.verdict import level
from rnnlab.report import sections
from rnnlab.report.material import RunMaterial


@dataclass(frozen=True)
class Extreme:
    """The run that is best or worst by the study's metric.

    Attributes:
        name: "best" or "worst".
        title: what to call it.
        run: what its directory holds.
    """

    name: str
    title: str
    run: RunMaterial


def extremes(
    collection: Collection, found: Comparison, *, with_epochs: bool = False
) -> list[Extreme]:
    """The best and the worst run; with `with_epochs`, of those that learn in epochs. One alone
    where both are the same."""
    sign = -1 if found.metric == "perplexity" else 1
    scored = [
        (sign * model.facts["val"][found.metric], item.label, RunMaterial(model.path, model.facts))
        for item in collection.configurations()
        for model in item.models
    ]
    ordered = sorted(
        (entry for entry in scored if entry[2].epochs or not with_epochs),
        key=lambda entry: entry[0],
    )
    ends = {"best": ordered[-1:], "worst": ordered[:1] if len(ordered) > 1 else []}
    return [
        Extreme(word, f"{word.capitalize()}: {label}, seed {run.facts.get('seed')}", run)
        for word, end in ends.items()
        for _, label, run in end
    ]


def level_row(item: LevelResult, metric: str) -> dict[str, Any]:
    """A level and its figures as text."""
    found = item.difference
    return {
        "level": item,
        "mean": "" if item.mean is None else level(item.mean, metric),
        "between": ""
        if item.interval is None
        else " to ".join(level(end, metric) for end in item.interval),
        "spread": _error(item.seed_deviation, metric),
        "seed_error": _error(found and found.seed_error, metric),
        "example_error": _error(found and found.example_error, metric),
        "visible": _error(found and found.smallest_detectable, metric),
    }


def _error(value: float | None, metric: str) -> str:
    """A standard error in points, or nats a token."""
    if value is None:
        return ""
    return f"{value:.4f}" if metric == "perplexity" else f"{100 * value:.2f}"


def cost_rows(found: Comparison) -> tuple[list[str], list[dict[str, Any]]]:
    """Titles of the costs that there are, and a row for each configuration."""
    rows = [
        {
            "label": row.label,
            "mean": level(row.mean, found.metric),
            "costs": dict(sections.cost_rows(row.costs)),
            "runs": row.runs,
        }
        for row in found.costs
    ]
    return list(dict.fromkeys(title for row in rows for title in row["costs"])), rows


def seed_rows(found: Comparison) -> list[dict[str, Any]]:
    """The metric of every run."""
    rows, seen = [], set()
    for group in found.groups:
        for item in group.levels:
            if not item.runs or (key := tuple(item.runs)) in seen:
                continue
            seen.add(key)
            figures = (
                item.figures
                if len(item.figures) == len(item.runs)
                else (item.figures[:1] * len(item.runs))
            )  # a model without a seed: each run is the same
            rows.append(
                {
                    "label": f"{group.title}: {item.label}",
                    "figures": [
                        (seed, level(value, found.metric), run)
                        for seed, value, run in zip(item.seeds, figures, item.runs, strict=True)
                    ],
                }
            )
    return rows


def tested_rows(collection: Collection, runs: Sequence[RunMaterial]) -> list[dict[str, Any]]:
    """Latest test figures of each run, and how often test was looked at."""
    labels: dict[Path, str] = {}
    for item in collection.configurations():
        labels |= {model.path: item.label for model in item.models}
    return [
        {
            "label": labels[run.path],
            "run": run,
            "times": len(run.tests),
            "figures": sections.scored(run.tests[-1]),
        }
        for run in runs
        if run.tests
    ]
