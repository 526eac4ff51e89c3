"""What a report tells of a run, read from its directory."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rnnlab.compare.arms import open_model
from rnnlab.exceptions import UserError
from rnnlab.files import read_json
from rnnlab.train.rundir import LEDGER


@dataclass(frozen=True)
class RunMaterial:
    """A finished run.

    Attributes:
        path: its directory.
        facts: in its run.json.
    """

    path: Path
    facts: dict[str, Any]

    @staticmethod
    def open(path: Path) -> RunMaterial:
        """Read a run.

        Raises:
            UserError: it is none, not finished, or damaged.
        """
        return RunMaterial(path, open_model(path).facts)

    @property
    def name(self) -> str:
        """Of its directory."""
        return self.path.resolve().name

    @property
    def is_language_model(self) -> bool:
        """Whether it predicts a stream."""
        return "perplexity" in self.facts["val"]

    @cached_property
    def epochs(self) -> list[dict[str, str]]:
        """Rows of epochs.csv; none for a model without epochs."""
        return _rows(self.path / "epochs.csv")

    @cached_property
    def timings(self) -> list[dict[str, str]]:
        """Rows of timings.csv."""
        return _rows(self.path / "timings.csv")

    @property
    def epoch_seconds(self) -> float:
        """Mean training time of an epoch; of the whole where there are no epochs."""
        times = [float(row["train_seconds"]) for row in self.timings]
        return sum(times) / len(times) if times else float(self.facts["seconds"])

    @cached_property
    def evaluations(self) -> list[dict[str, Any]]:
        """Every evaluation, oldest first."""
        return read_lines(self.path / "evaluations.jsonl")

    @property
    def tests(self) -> list[dict[str, Any]]:
        """Evaluations on test."""
        return [line for line in self.evaluations if line.get("split") == "test"]

    @cached_property
    def config(self) -> str:
        """config.yaml as it stands."""
        try:
            return (self.path / "config.yaml").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return ""

    @cached_property
    def verification(self) -> dict[str, Any] | None:
        """What `rnnlab verify` found; None where it was not asked."""
        return _optional(self.path / "verify.json")

    @cached_property
    def analysis(self) -> dict[str, Any] | None:
        """What `rnnlab analyze` found; None where it was not asked."""
        return _optional(self.path / "analysis.json")

    @property
    def length_bands(self) -> list[dict[str, Any]]:
        """Accuracy by length of the text, from the analysis; none without one."""
        lengths = (self.analysis or {}).get("lengths") or {}
        return [band for band in lengths.get("bands", []) if band.get("texts")]

    def ledger(self) -> list[dict[str, Any]]:
        """Uses of test that the ledger beside the run has of it."""
        lines = read_lines(self.path.resolve().parent / LEDGER)
        return [line for line in lines if line.get("run") == self.name]


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines; none where there is no file.

    Raises:
        UserError: a line is damaged.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.strip()]
    except FileNotFoundError:
        return []
    except ValueError as error:
        raise UserError(f"{path}: damaged ({error}); restore it from a backup") from error


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _optional(path: Path) -> dict[str, Any] | None:
    try:
        value = read_json(path)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UserError(f"{path}: damaged ({error}); make it again") from error
    return value if isinstance(value, dict) else None
