"""A study's directory: where its files lie, and those that tell what came out.

study.yaml     the design as run
study.db       claims alone; may be deleted
runs/          run directories: the truth
results.json   groups, levels and how each run stands
metrics.csv    a row a run, in the columns of system B
long.csv       a row a run and group, all figures
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from rnnlab.config.load import dump_yaml, parse_yaml, read_text
from rnnlab.exceptions import UserError
from rnnlab.files import write_json, write_text
from rnnlab.study.columns import long_rows, metrics_rows
from rnnlab.study.design import Design
from rnnlab.study.outcomes import Outcome, read_outcome
from rnnlab.study.plan import Group, Level, Plan, Trial
from rnnlab.train.rundir import write_csv

_MOST_CHANGES = 6
_UNTOLD = {"summary", "description", "changed.own.seeds", "changed.own.metric", "changed.own.test"}
_OWN = {"runs", "study.db", "results.json", "metrics.csv", "long.csv", "report.html", "plots"}


class StudyDirectory:
    """The files of a study.

    Args:
        path: the directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.runs = path / "runs"
        self.design = path / "study.yaml"
        self.claims = path / "study.db"
        self.results = path / "results.json"

    @staticmethod
    def open(path: Path, design: Design) -> tuple[StudyDirectory, list[str]]:
        """Make the directory, or take that of an earlier call; keep the design in it.

        Returns:
            The directory, and how the design differs from the one that was there.

        Raises:
            UserError: it holds something else, or cannot be written.
        """
        directory = StudyDirectory(path)
        if path.is_dir() and not directory.design.is_file():
            names = {item.name for item in path.iterdir() if not item.name.startswith(".")}
            if others := sorted(names - _OWN):
                raise UserError(
                    f"{path} holds something else ({others[0]}); choose an empty or a new --out"
                )
        changes = []
        with writing(path):
            directory.runs.mkdir(parents=True, exist_ok=True)
            settings = design.model_dump(mode="json", exclude_defaults=True)
            if directory.design.is_file():
                origin = str(directory.design)
                before = parse_yaml(read_text(directory.design, origin), origin)
                changes = differences(before if isinstance(before, dict) else {}, settings)
            if changes or not directory.design.is_file():
                write_text(directory.design, dump_yaml(settings))
        return directory, changes

    def run_path(self, trial: Trial) -> Path:
        """Where a trial's run lies."""
        return self.runs / trial.name

    def outcome(self, trial: Trial) -> Outcome:
        """How a trial stands."""
        return read_outcome(self.run_path(trial))

    def has_runs(self) -> bool:
        """Whether any run was begun here."""
        return any(self.runs.glob("*/run.json"))

    def refresh(
        self,
        plan: Plan,
        running: set[str],
        failed: Mapping[str, str],
        only: list[str] | None,
    ) -> None:
        """Write results.json and the tables anew.

        Args:
            plan: what the study consists of.
            running: trials that somebody is at.
            failed: reasons of trials that came to nothing and could not be recorded as such.
            only: groups to which it was restricted.

        Raises:
            UserError: they cannot be written.
        """
        with writing(self.path), FileLock(self.path / ".results.lock"):
            outcomes = {trial.name: self.outcome(trial) for trial in plan.trials()}
            for name, reason in failed.items():
                if outcomes[name].status == "missing":
                    outcomes[name] = replace(outcomes[name], status="failed", reason=reason)
            write_json(self.results, self._results(plan, outcomes, running, only))
            old = sorted({path.parent.name for path in self.runs.glob("*/run.json")} - {*outcomes})
            outcomes |= {name: read_outcome(self.runs / name) for name in old}
            if rows := metrics_rows(self.runs, outcomes):
                write_csv(self.path / "metrics.csv", rows)
            if rows := long_rows(plan, self.runs, outcomes, old):
                write_csv(self.path / "long.csv", rows)

    def _results(
        self,
        plan: Plan,
        outcomes: Mapping[str, Outcome],
        running: set[str],
        only: list[str] | None,
    ) -> dict[str, Any]:
        design = plan.design
        others = {t.name for t in plan.trials()} - {t.name for t in plan.trials(only)}
        if all(outcomes[name].status != "missing" for name in others):
            only = None
        return {
            "study": design.name,
            "description": design.description or design.summary,
            "base": design.base,
            "seeds": design.seeds,
            "metric": plan.metric,
            "higher_is_better": plan.higher_is_better,
            "changed": {
                "overrides": {**design.changed.own, **design.changed.overrides},
                "only": only,
                "limit": design.changed.limit,
            },
            "groups": [self._group(group, outcomes, running) for group in plan.groups],
        }

    def _group(
        self, group: Group, outcomes: Mapping[str, Outcome], running: set[str]
    ) -> dict[str, Any]:
        return {
            "name": group.name,
            "title": group.title,
            "factor": group.factor,
            "numeric": group.is_numeric,
            "levels": [self._level(level, outcomes, running) for level in group.levels],
        }

    def _level(
        self, level: Level, outcomes: Mapping[str, Outcome], running: set[str]
    ) -> dict[str, Any]:
        runs = []
        for trial in level.trials:
            outcome = outcomes[trial.name]
            has_run = (self.run_path(trial) / "run.json").is_file()
            status = outcome.status
            if trial.name in running and status in ("missing", "failed"):
                status = "running"
            runs.append(
                {
                    "seed": trial.config.seed,
                    "run": f"runs/{trial.name}" if has_run else None,
                    "status": status,
                    "reason": outcome.reason if status in ("failed", "diverged") else None,
                }
            )
        return {
            "label": level.label,
            "value": level.value,
            "overrides": level.overrides,
            "is_base": level.is_base,
            "reported": level.reported,
            "runs": runs,
        }


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a disk that is full or read-only into a line that says so."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror or error}); make room or give write "
            "access, and give the same command again: finished runs are kept"
        ) from error


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """How a design differs from an earlier one, a line for each key; not what it is called."""
    left, right = _flat(before), _flat(after)
    lines = []
    for key in dict.fromkeys((*left, *right)):
        if key in _UNTOLD or left.get(key) == right.get(key):
            continue
        if key not in left:
            lines.append(f"{key} is new: {_shown(right[key])}")
        elif key not in right:
            lines.append(f"{key} is gone; it was {_shown(left[key])}")
        else:
            lines.append(f"{key} was {_shown(left[key])}, is now {_shown(right[key])}")
    if len(lines) > _MOST_CHANGES:
        rest = len(lines) - _MOST_CHANGES
        lines = [*lines[:_MOST_CHANGES], f"and {rest} more"]
    return lines


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, dict) and value:
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
