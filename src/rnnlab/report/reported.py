"""Reported figures beside measured ones, with the protocol of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from rnnlab.compare.arms import Collection, Configuration, Group
from rnnlab.compare.cost import cost_of_run
from rnnlab.report.material import RunMaterial
from rnnlab.wording import perplexity_text, share

_TITLES = {
    "seconds": "seconds of training",
    "epoch_seconds": "seconds an epoch",
}
_ENDS: dict[str, Callable[[Sequence[float]], float]] = {"low": min, "high": max}


@dataclass(frozen=True)
class ReportedFigure:
    """A reported figure, and what it is here, as text.

    Attributes:
        title: what it is.
        reported, measured: its values.
        test: the same on test, where these runs were scored on it.
    """

    title: str
    reported: str
    measured: str
    test: str


@dataclass(frozen=True)
class ReportedLevel:
    """The reported figures of a level.

    Attributes:
        label: of the level.
        figures: one at least.
        runs: directories.
    """

    label: str
    figures: list[ReportedFigure]
    runs: list[str]


@dataclass(frozen=True)
class ReportedGroup:
    """The reported figures of a group.

    Attributes:
        title: of the group.
        theirs, ours: how the figures were obtained.
        levels: those that have any.
    """

    title: str
    theirs: str
    ours: str
    levels: list[ReportedLevel]

    @property
    def has_test(self) -> bool:
        """Whether any figure was measured on test too."""
        return any(figure.test for level in self.levels for figure in level.figures)


def reported_groups(collection: Collection) -> list[ReportedGroup]:
    """Groups with reported figures."""
    groups = [_group(group) for group in collection.groups]
    return [group for group in groups if group.levels]


def _group(group: Group) -> ReportedGroup:
    levels, theirs, ours = [], {}, {}
    for item in group.configurations:
        if item.reported is None or not item.reported.figures:
            continue
        runs = [RunMaterial(model.path, model.facts) for model in item.models]
        figures = [
            ReportedFigure(
                _title(name),
                "" if value is None else _as_reported(name, value),
                _measured(name, runs),
                _tested(name, runs),
            )
            for name, value in item.reported.figures.items()
        ]
        levels.append(ReportedLevel(item.label, figures, [str(run.path) for run in runs]))
        theirs |= dict.fromkeys([item.reported.note] if item.reported.note else [])
        ours |= dict.fromkeys([_protocol(item)])
    return ReportedGroup(group.title, "; ".join(theirs), "; ".join(ours), levels)


def _protocol(item: Configuration) -> str:
    if not item.models:
        return "no finished run"
    seeds = len(item.models)
    words = ["validation", "one seed" if seeds == 1 else f"mean of {seeds} seeds"]
    if any("best_epoch" in model.facts for model in item.models):
        words.append("best epoch chosen on it")
    return ", ".join(words)


def _measured(name: str, runs: Sequence[RunMaterial]) -> str:
    """The mean over runs of what is measured under that name; of the end of a range, that end."""
    stem, _, end = name.rpartition("_")
    if end in _ENDS:
        name, combined = stem, _ENDS[end]
    else:
        combined = fmean
    values = [value for run in runs if isinstance(value := _value(name, run), int | float)]
    return _as_measured(name, combined(values)) if values else "not measured"


def _value(name: str, run: RunMaterial) -> Any:
    facts = run.facts
    if name == "epoch_seconds":
        return run.epoch_seconds
    known = {"best_epoch": facts.get("best_epoch"), **cost_of_run(facts), **facts["val"]}
    known["seconds"] = known.get("train_seconds")
    if name in known:
        return known[name]
    part, _, rest = name.partition("_")
    if part == "train":
        return facts["train"].get(rest)
    if part == "test" and run.tests:
        return run.tests[-1].get(rest)
    if part == "last" and run.epochs and rest in run.epochs[-1]:
        return float(run.epochs[-1][rest])
    return None


def _tested(name: str, runs: Sequence[RunMaterial]) -> str:
    """The mean over runs of a figure of merit on test; empty where there is none."""
    lines = [run.tests[-1] for run in runs if run.tests]
    values = [line[name] for line in lines if isinstance(line.get(name), int | float)]
    return _as_measured(name, fmean(values)) if values else ""


def _title(name: str) -> str:
    stem, _, end = name.rpartition("_")
    if end in _ENDS:
        return f"{_title(stem)}, {'lowest' if end == 'low' else 'highest'}"
    return _TITLES.get(name, name.replace("_", " ").replace("f1", "F1"))


def _is_share(name: str) -> bool:
    return "accuracy" in name or "f1" in name


def _as_reported(name: str, value: float) -> str:
    """With the digits that were given, and for a share two at least."""
    digits = len(repr(value).partition(".")[2])
    return share(value, max(2, digits)) if _is_share(name) else _number(value, f"{value:g}")


def _as_measured(name: str, value: float) -> str:
    if _is_share(name):
        return share(value)
    if "perplexity" in name:
        return perplexity_text(value)
    return _number(value, f"{value:.4g}")


def _number(value: float, text: str) -> str:
    return f"{value:,.0f}" if abs(value) > 999 else text
