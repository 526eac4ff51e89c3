"""rnnlab compare: effects with intervals, costs, and the best within a budget."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnlab.cli.output import Json, duration, print_json, print_table, say

if TYPE_CHECKING:
    from rnnlab.compare.outcome import Comparison, CostRow, GroupResult, LevelResult


class MetricName(StrEnum):
    """By what is compared."""

    auto = "auto"
    accuracy = "accuracy"
    macro_f1 = "macro_f1"
    perplexity = "perplexity"


class ReferenceName(StrEnum):
    """With what the others are compared."""

    auto = "auto"
    base = "base"
    best = "best"


def compare(
    paths: Annotated[
        list[Path], typer.Argument(metavar="STUDY|RUN RUN...", help="A study, or runs.")
    ],
    metric: Annotated[
        MetricName, typer.Option(help="By which; by default the one of the study or runs.")
    ] = MetricName.auto,
    to: Annotated[
        ReferenceName, typer.Option(help="With the base (the first run), or with the best.")
    ] = ReferenceName.auto,
    budget: Annotated[
        str | None,
        typer.Option(metavar="LIMITS", help='As in "train_seconds<=600 latency_ms<=5".'),
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell better, worse and chance apart, on saved validation predictions; costs beside it."""
    from rnnlab.compare.arms import open_collection
    from rnnlab.compare.budget import parse_budget
    from rnnlab.compare.comparing import compare as compare_all

    limits = parse_budget(budget) if budget is not None else []
    found = compare_all(open_collection(paths), metric=metric.value, to=to.value, limits=limits)
    if as_json:
        print_json(found.to_dict())
    else:
        _print(found)


def _print(found: Comparison) -> None:
    if found.departures:
        say(f"Not the study as its file has it: {'; '.join(found.departures)}.")
        print()
    for group in found.groups:
        if group.levels:
            _print_group(group, found.metric)
    say(_legend(found))
    print()
    _print_costs(found)
    if found.budget is not None:
        say(found.budget.reason)


def _print_group(group: GroupResult, metric: str) -> None:
    from rnnlab.compare.verdict import level

    unit = "nats" if metric == "perplexity" else "points"
    name = metric.replace("macro_f1", "macro F1")
    where = f" on {group.examples:,} texts" if group.examples else ""
    if group.groups:
        where += f" of {group.groups:,} groups"
    with_ = f", compared with {group.reference} ({group.by})" if group.reference else ""
    rows = [
        [
            item.label,
            "" if item.mean is None else level(item.mean, metric),
            *_difference_cells(item, metric),
        ]
        for item in group.levels
    ]
    print_table(
        ["", "mean", f"{unit} (95 %)", "seeds", "texts", "visible", "verdict"],
        rows,
        title=f"{group.title}: {name}{where}{with_}",
    )
    for item in group.levels:
        for line in _remarks(item):
            say(f"{item.label}: {line}")
    print()


def _difference_cells(item: LevelResult, metric: str) -> list[str]:
    found = item.difference
    if found is None:
        return ["", "", "", "", "reference" if item.is_reference else ""]

    def size(value: float | None, sign: str = "") -> str:
        if value is None:
            return "?"
        return f"{value:{sign}.3f}" if metric == "perplexity" else f"{100 * value:{sign}.1f}"

    half = f" ± {size((found.interval[1] - found.interval[0]) / 2)}" if found.interval else ""
    star = "*" if found.scope == "models" else ""
    return [
        size(found.value, "+") + half,
        size(found.seed_error),
        size(found.example_error),
        size(found.smallest_detectable),
        found.verdict + star,
    ]


def _remarks(item: LevelResult) -> list[str]:
    lines = [
        f"seed {entry['seed']} {entry['status']}"
        + (f" ({entry['reason']})" if entry["reason"] else "")
        for entry in item.unfinished
    ]
    if item.reason and item.runs:
        lines.append(f"not compared: {item.reason}")
    return lines


def _legend(found: Comparison) -> str:
    text = (
        "seeds, texts: standard error from each alone; what a text does by chance is in both, "
        "and counted once in the interval. visible: the true difference that such data show in "
        "80 of 100 cases. Verdicts are at 5 % over each group (Holm)."
    )
    differences = [
        item.difference for group in found.groups for item in group.levels if item.difference
    ]
    if any(item.scope == "models" for item in differences):
        text += " *One seed: the verdict concerns these trained models only"
        tests = sorted({item.test for item in differences if item.mcnemar is not None})
        text += f", by {' and '.join(tests)}." if tests else "."
    if any(group.by == "best" for group in found.groups):
        text += " The best was found by the same figures: adjusted for all pairs."
    return text


def _print_costs(found: Comparison) -> None:
    from rnnlab.compare.verdict import level

    columns = {
        "cpu_seconds": ("CPU time", duration),
        "latency_ms": ("p50 ms", _brief),
        "latency_p95_ms": ("p95 ms", _brief),
        "parameters": ("weights", _brief),
        "model_mb": ("MB", _brief),
        "peak_memory_mb": ("RAM MB", _brief),
    }
    keys = [key for key in columns if any(key in row.costs for row in found.costs)]

    def cell(row: CostRow, key: str) -> str:
        if key not in row.costs:
            return "?"
        mark = "*" if row.on_front[key] and key in ("cpu_seconds", "latency_ms") else ""
        return columns[key][1](row.costs[key]) + mark

    print_table(
        ["", "mean", *(columns[key][0] for key in keys)],
        [
            [row.label, level(row.mean, found.metric), *(cell(row, key) for key in keys)]
            for row in found.costs
        ],
        title="Cost: training CPU time, latency of one text, size",
    )
    say("* on the front: nothing is both better and cheaper by that cost.")


def _brief(value: float) -> str:
    """A figure of three digits: 0.716, 46.2k, 2.62M."""
    for size, suffix in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{suffix}"
    return f"{value:.3g}"
