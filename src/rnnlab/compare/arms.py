"""From directories to arms: the runs of one configuration, with their answers and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rnnlab.compare.cost import MEASURES, cost_of_run
from rnnlab.compare.labels import labels_of
from rnnlab.compare.results import (
    GroupEntry,
    Level,
    Reported,
    RunEntry,
    StudyResults,
    is_study,
    read_results,
)
from rnnlab.compare.scores import SCORES
from rnnlab.compare.statistics import Arm, grouped
from rnnlab.exceptions import UserError
from rnnlab.predictions import PredictedRows
from rnnlab.train.rundir import RunDirectory


@dataclass(frozen=True)
class TrainedModel:
    """A finished run.

    Attributes:
        path: its directory.
        facts: in its run.json.
    """

    path: Path
    facts: dict[str, Any]

    @property
    def seed(self) -> int:
        """Of the run."""
        return int(self.facts.get("seed", 0))

    @property
    def is_language_model(self) -> bool:
        """Whether it predicts a stream, and not labels."""
        return "perplexity" in self.facts["val"]

    @property
    def has_seed(self) -> bool:
        """Whether another seed would give another model; nothing in a linear model is random."""
        return "seed" in self.facts["identity"].get("settings", {"seed": 0})

    @property
    def costs(self) -> dict[str, float]:
        """What it costs; see `rnnlab.compare.cost`."""
        return cost_of_run(self.facts)

    @cached_property
    def predictions(self) -> PredictedRows:
        """Its answers on validation.

        Raises:
            UserError: they are missing or damaged.
        """
        labels = tuple(self.facts["data"]["labels"])
        return PredictedRows.read(self.path / "predictions" / "val.parquet", labels)


@dataclass(frozen=True)
class Configuration:
    """An arm of a comparison.

    Attributes:
        label: how it is called.
        value: of the factor; None where it has none.
        is_base: whether the others depart from it.
        models: finished runs, one a seed.
        unfinished: the other runs, with their reason.
        reported: figures of a report.
    """

    label: str
    models: tuple[TrainedModel, ...]
    value: float | str | None = None
    is_base: bool = False
    unfinished: tuple[RunEntry, ...] = ()
    reported: Reported | None = None

    @cached_property
    def distinct(self) -> tuple[TrainedModel, ...]:
        """Models that differ: one of those whose seed changes nothing."""
        return self.models if self.models and self.models[0].has_seed else self.models[:1]

    @property
    def has_groups(self) -> bool:
        """Whether its answers tell to which groups the examples belong."""
        return bool(self.models) and all(
            not model.is_language_model and model.predictions.groups is not None
            for model in self.distinct
        )

    def arm(self, metric: str, *, by_groups: bool = False) -> Arm:
        """Figures and scores of its models by a metric.

        Args:
            metric: which.
            by_groups: score groups of examples, which are then resampled whole.

        Raises:
            UserError: predictions are missing or damaged.
        """
        models = self.distinct
        if metric == "perplexity":
            losses = np.array([float(model.facts["val"]["loss"]) for model in models])
            return Arm(losses, None, models[0].has_seed)
        scores = np.stack([SCORES[metric](model.predictions) for model in models])
        arm = Arm(scores.mean(axis=1), scores, models[0].has_seed)
        groups = models[0].predictions.groups
        return grouped(arm, groups) if by_groups and groups is not None else arm

    def costs(self) -> dict[str, float]:
        """Means over its models of the costs that all of them have recorded."""
        each = [model.costs for model in self.models]
        shared = [key for key in MEASURES if each and all(key in costs for costs in each)]
        return {key: float(np.mean([costs[key] for costs in each])) for key in shared}


@dataclass(frozen=True)
class Group:
    """Configurations that are compared with each other."""

    name: str
    title: str
    configurations: tuple[Configuration, ...]
    factor: str | None = None
    numeric: bool = False


@dataclass(frozen=True)
class Collection:
    """What a comparison is made from.

    Attributes:
        name: of the study, or of the runs.
        path: of the study; None for runs.
        groups: one at least.
        metric: "accuracy", "macro_f1" or "perplexity".
        study: what results.json says; None for runs.
    """

    name: str
    path: Path | None
    groups: tuple[Group, ...]
    metric: str
    study: StudyResults | None = field(default=None, repr=False)

    def configurations(self) -> list[Configuration]:
        """All that have a finished run, each once, named so that they can be told apart."""
        found: dict[tuple[Path, ...], Configuration] = {}
        for group in self.groups:
            for item in group.configurations:
                key = tuple(sorted(model.path for model in item.models))
                if key and key not in found:
                    found[key] = replace(item, label=self._full_label(group, item))
        return list(found.values())

    def _full_label(self, group: Group, item: Configuration) -> str:
        if len(self.groups) == 1:
            return item.label
        if item.is_base and self.study is not None:
            return f"{self.study.base} (base)"
        return f"{group.title}: {item.label}"


def open_collection(paths: Sequence[Path]) -> Collection:
    """A study by its directory or its name in studies/, or two runs or more.

    Raises:
        UserError: there is no such thing.
    """
    if len(paths) == 1:
        for path in (paths[0], Path("studies") / paths[0]):
            if is_study(path):
                return open_study(path)
        if (paths[0] / "run.json").is_file():
            raise UserError(f"{paths[0]} is one run; name another to compare it with, or a study")
        raise UserError(
            f"{paths[0]}: no study here (no results.json), nor in studies/; `rnnlab study` makes "
            "one, and runs are compared by naming two or more"
        )
    if study := next((path for path in paths if is_study(path)), None):
        raise UserError(f"{study} is a study; it is compared alone")
    return open_runs(paths)


def open_study(path: Path) -> Collection:
    """Read a study and its finished runs.

    Raises:
        UserError: results.json or a run is damaged.
    """
    study = read_results(path)
    opened: dict[str, TrainedModel] = {}
    groups = tuple(_group(path, group, opened) for group in study.groups)
    if not opened:
        raise UserError(f"{path}: no run is finished yet; `rnnlab study` goes on with it")
    return Collection(study.study, path, groups, study.metric, study)


def _group(root: Path, group: GroupEntry, opened: dict[str, TrainedModel]) -> Group:
    items = tuple(_level(root, level, opened) for level in group.levels)
    return Group(group.name, group.title or group.name, items, group.factor, group.numeric)


def _level(root: Path, level: Level, opened: dict[str, TrainedModel]) -> Configuration:
    models, unfinished = [], []
    for entry in level.runs:
        if entry.status != "completed" or entry.run is None:
            unfinished.append(entry)
            continue
        if entry.run not in opened:
            if not (root / entry.run / "run.json").is_file():
                gone = {"status": "missing", "reason": "its directory is gone"}
                unfinished.append(entry.model_copy(update=gone))
                continue
            opened[entry.run] = open_model(root / entry.run)
        models.append(opened[entry.run])
    return Configuration(
        label=level.label,
        models=tuple(models),
        value=level.value,
        is_base=level.is_base,
        unfinished=tuple(unfinished),
        reported=level.reported,
    )


def open_model(path: Path) -> TrainedModel:
    """Open a finished run.

    Raises:
        UserError: it is none, or it is damaged.
    """
    facts = RunDirectory.open(path).read()
    if facts["status"] != "completed":
        remedy = f"rnnlab train --resume {path}"
        raise UserError(f"{path} is not finished ({facts['status']}): {remedy}")
    if not isinstance(facts.get("val"), dict) or "data" not in facts:
        raise UserError(f"{path / 'run.json'}: no figures in it; restore it from a backup")
    return TrainedModel(path, facts)


def open_runs(paths: Sequence[Path]) -> Collection:
    """Read finished runs; those that differ in the seed alone are one configuration. The first is
    the base.

    Raises:
        UserError: a run is not finished or named twice, or all are of one configuration.
    """
    arms: dict[str, list[TrainedModel]] = {}
    seen: set[Path] = set()
    for path in paths:
        if path.resolve() in seen:
            raise UserError(f"{path} is named twice")
        seen.add(path.resolve())
        model = open_model(path)
        arms.setdefault(model.facts["hash"], []).append(model)
    if len(arms) < 2:
        raise UserError("a comparison needs two configurations; these runs differ in the seed only")
    labels = labels_of([models[0].facts for models in arms.values()])
    items = tuple(
        Configuration(label, tuple(models), is_base=number == 0)
        for number, (label, models) in enumerate(zip(labels, arms.values(), strict=True))
    )
    first = items[0].models[0]
    metric = "perplexity" if first.is_language_model else _chosen_metric(first.facts)
    group = Group("runs", "Runs", items)
    return Collection("runs", None, (group,), metric)


def _chosen_metric(facts: Mapping[str, Any]) -> str:
    return "macro_f1" if facts.get("metric") == "macro_f1" else "accuracy"
