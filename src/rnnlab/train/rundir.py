"""The run directory: what a run is, has done, and found. It is the truth; nothing else is.

config.yaml           the resolved config
run.json              identity, status, versions, hardware, timings, results
epochs.csv            one row per epoch; the same bytes whether or not the run was interrupted
timings.csv           seconds and tokens per second of the same epochs
evaluations.jsonl     every evaluation, appended
predictions/*.parquet row, label, probabilities, group where there are groups
model/                all that predicting needs, portable
checkpoints/          while the run is not finished
plots/
tracker.json          what a tracker has been told, where there is one
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rnnlab.exceptions import Busy, UserError
from rnnlab.files import read_json, write_json, write_text

LEDGER = "test-ledger.jsonl"
"""Beside the runs: every use of a test part."""

_MARKS = ("run.json", "config.yaml")


class RunDirectory:
    """Paths inside a run directory and its `run.json`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"
        self.facts = path / "run.json"
        self.model = path / "model"
        self.checkpoints = path / "checkpoints"
        self.predictions = path / "predictions"
        self.evaluations = path / "evaluations.jsonl"
        self.plots = path / "plots"
        self.tracker = path / "tracker.json"

    @staticmethod
    def open(path: Path) -> RunDirectory:
        """Open an existing run.

        Raises:
            UserError: there is none.
        """
        run = RunDirectory(path)
        if not path.is_dir():
            raise UserError(f"{path}: no such run directory; see `rnnlab list runs`")
        if not all((path / name).is_file() for name in _MARKS):
            raise UserError(f"{path}: not a run directory (no {' or '.join(_MARKS)})")
        return run

    @staticmethod
    def create(path: Path) -> RunDirectory:
        """Make the directory, or take an empty one or one that holds a run.

        Raises:
            UserError: the path, or a parent, is a file, or the directory holds something else.
        """
        for parent in (path, *path.parents):
            if parent.exists():
                if not parent.is_dir():
                    raise UserError(f"{parent} is a file; choose another --out for the run")
                break
        if path.is_dir() and not (path / "run.json").is_file():
            others = [item.name for item in path.iterdir() if not item.name.startswith(".")]
            if others:
                raise UserError(
                    f"{path} holds something else ({others[0]}); choose an empty or a new --out"
                )
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"{path}: cannot be made: {error.strerror}; choose another --out"
            ) from error
        return RunDirectory(path)

    def read(self) -> dict[str, Any]:
        """The facts in `run.json`; empty while there is none.

        Raises:
            UserError: the file is damaged.
        """
        try:
            facts = read_json(self.facts)
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise UserError(f"{self.facts}: damaged ({error}); restore it from a backup") from error
        if not isinstance(facts, dict) or not {"status", "identity", "hash"} <= facts.keys():
            raise UserError(f"{self.facts}: not the record of a run; restore it from a backup")
        return facts

    def write(self, facts: Mapping[str, Any]) -> None:
        """Replace `run.json`."""
        write_json(self.facts, facts)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run against other processes.

        Raises:
            Busy: another process trains it.
        """
        lock = FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise Busy(f"{self.path}: another process is training this run") from error
        try:
            yield
        finally:
            lock.release()


def model_folder(path: Path) -> Path:
    """The model folder of a run directory, or a copy of one.

    Raises:
        UserError: there is no run.
    """
    alone = (path / "model.json").is_file()
    return path if alone else RunDirectory.open(path).model


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of equal keys; floats with the digits that give them back exactly."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, stream.getvalue())


def find_runs(root: Path) -> list[dict[str, Any]]:
    """Summaries of the runs directly below `root`, oldest first."""
    found = []
    for path in root.glob("*/run.json"):
        facts: dict[str, Any]
        try:
            facts = RunDirectory(path.parent).read()
        except UserError:
            facts = {"status": "damaged"}
        val: dict[str, Any] = facts.get("val") or {}
        found.append(
            {
                "directory": str(path.parent),
                "name": facts.get("name"),
                "seed": facts.get("seed"),
                "status": facts.get("status"),
                "started": facts.get("started", ""),
                "accuracy": val.get("accuracy"),
                "macro_f1": val.get("macro_f1"),
                "perplexity": val.get("perplexity"),
                "seconds": facts.get("seconds"),
                "parameters": facts.get("parameters"),
            }
        )
    return sorted(found, key=lambda run: (run["started"], run["directory"]))
