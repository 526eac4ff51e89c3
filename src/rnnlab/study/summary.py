"""Figures of a study's levels: means over seeds, for a first look."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean, stdev

from rnnlab.study.directory import StudyDirectory
from rnnlab.study.plan import Group, Plan


@dataclass(frozen=True)
class LevelRow:
    """A level and what came out, over its completed runs.

    Attributes:
        label: of the level.
        is_base: whether the others are compared with it.
        mean, deviation: of the study's metric on validation over seeds (n - 1); None for too few.
        test: mean on the test part, or None.
        reported: the published figure, or None.
        runs: completed, of all.
        seconds: mean.
    """

    label: str
    is_base: bool
    mean: float | None
    deviation: float | None
    test: float | None
    reported: float | None
    runs: str
    seconds: float | None


def level_rows(plan: Plan, group: Group, directory: StudyDirectory) -> list[LevelRow]:
    """A row for each level of a group."""
    rows = []
    for level in group.levels:
        paths = [directory.run_path(trial) for trial in level.trials]
        outcomes = [directory.outcome(trial) for trial in level.trials]
        done = [
            (path, outcome)
            for path, outcome in zip(paths, outcomes, strict=True)
            if outcome.status == "completed"
        ]
        values = [outcome.facts["val"][plan.metric] for _, outcome in done]
        tests = [
            line[plan.metric]
            for path, outcome in done
            if outcome.tested
            for line in _tests((path / "evaluations.jsonl").read_text(encoding="utf-8"))
        ]
        reported = (level.reported or {"figures": {}})["figures"].get(plan.metric)
        rows.append(
            LevelRow(
                label=level.label,
                is_base=level.is_base,
                mean=_mean(values),
                deviation=stdev(values) if len(values) > 1 else None,
                test=_mean(tests),
                reported=reported,
                runs=f"{len(done)}/{len(paths)}" if len(done) < len(paths) else str(len(done)),
                seconds=_mean(outcome.facts["seconds"] for _, outcome in done),
            )
        )
    return rows


def _tests(text: str) -> list[dict[str, float]]:
    """The last evaluation on test, if there is one."""
    lines = [json.loads(line) for line in text.splitlines()]
    return [line for line in lines if line["split"] == "test"][-1:]


def _mean(values: Iterable[float]) -> float | None:
    values = list(values)
    return fmean(values) if values else None
