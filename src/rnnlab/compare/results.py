"""What a study directory says of its runs: `results.json`, checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rnnlab.exceptions import UserError
from rnnlab.files import read_json
from rnnlab.wording import listed

RESULTS = "results.json"


class _Record(BaseModel):
    """Frozen values; what a later version may add is left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class RunEntry(_Record):
    """One run of a level.

    Attributes:
        seed: of the run.
        run: directory, relative to the study's; None where there is none.
        status: "completed", "failed", "diverged", "running" or "missing".
        reason: why it is not completed.
    """

    seed: int
    run: str | None = None
    status: str
    reason: str | None = None


class Reported(_Record):
    """Figures of a report for a level, by metric, and how they were obtained."""

    figures: dict[str, float | None] = Field(default_factory=dict)
    note: str = ""


class Level(_Record):
    """One level of a factor: its label, value, settings and runs."""

    label: str
    value: float | str | None = None
    overrides: dict[str, Any] = Field(default_factory=dict)
    is_base: bool = False
    reported: Reported | None = None
    runs: tuple[RunEntry, ...] = ()


class GroupEntry(_Record):
    """Levels that differ in one thing."""

    name: str
    title: str = ""
    factor: str | None = None
    numeric: bool = False
    levels: tuple[Level, ...] = ()


class Changed(_Record):
    """How the study as run departs from its file.

    Attributes:
        overrides: as `key=value` on the command line; of its runs, or of the study itself.
        only: groups to which it was restricted.
        limit: training examples of a run.
    """

    overrides: dict[str, Any] = Field(default_factory=dict)
    only: tuple[str, ...] | None = None
    limit: int | None = None

    def in_words(self) -> list[str]:
        """Each departure, for people."""
        words = self.as_overrides()
        if self.only:
            words.append(f"only {listed(self.only)}")
        if self.limit is not None:
            words.append(f"at most about {self.limit:,} training texts")
        return words

    def as_arguments(self) -> list[str]:
        """The same, as the command line takes it."""
        words = self.as_overrides()
        for name in self.only or ():
            words += ["--only", name]
        if self.limit is not None:
            words += ["--limit", str(self.limit)]
        return words

    def as_overrides(self) -> list[str]:
        """The overrides alone; values that are no text as JSON, which is YAML."""
        return [
            f"{key}={value if isinstance(value, str) else json.dumps(value)}"
            for key, value in self.overrides.items()
        ]


class StudyResults(_Record):
    """All of `results.json`."""

    study: str
    description: str = ""
    base: str = ""
    seeds: tuple[int, ...] = ()
    metric: str = "accuracy"
    higher_is_better: bool = True
    changed: Changed = Field(default_factory=Changed)
    groups: tuple[GroupEntry, ...] = ()


def is_study(path: Path) -> bool:
    """Whether a directory holds the results of a study."""
    return (path / RESULTS).is_file()


def read_results(directory: Path) -> StudyResults:
    """Read a study's results.

    Raises:
        UserError: there are none, or the file is damaged.
    """
    path = directory / RESULTS
    try:
        return StudyResults.model_validate(read_json(path))
    except FileNotFoundError as error:
        raise UserError(f"{directory}: no results of a study here ({RESULTS})") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(
            f"{path}: damaged at {where or 'the top'} ({first['msg']}); `rnnlab study` on the "
            "same directory writes it anew"
        ) from error
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: damaged ({error}); `rnnlab study` on the same directory writes it anew"
        ) from error
