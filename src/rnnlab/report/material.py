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
from rnnlab.plots.epochs import read_epochs
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
        return read_epochs(self.path)

    @property
    def epoch_seconds(self) -> float:
        """Mean training time of an epoch; of the whole where there are no epochs."""
        path = self.path / "timings.csv"
        if not path.is_file():
            return float(self.facts["seconds"])
        with path.open(encoding="utf-8", newline="") as file:
            times = [float(row["train_seconds"]) for row in csv.DictReader(file)]
        return sum(times) / len(times)

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

    def left(self, name: str) -> dict[str, Any] | None:
        """What another command has left in a file of the run; None where there is none.

        Raises:
            UserError: the file is damaged.
        """
        path = self.path / name
        try:
            value = read_json(path)
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise UserError(f"{path}: damaged ({error}); make it again") from error
        return value if isinstance(value, dict) else None

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
