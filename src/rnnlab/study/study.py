"""A study in Python: `from rnnlab import Study`. Never imports torch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rnnlab.exceptions import UserError
from rnnlab.extras import Library
from rnnlab.files import read_json
from rnnlab.run import Run

_PANDAS = Library("pandas", extra="pandas")
_TEXTS = ("study", "group", "factor", "label", "overrides", "run", "status", "reason", "started")


class Study:
    """A study directory.

    Args:
        path: the directory.

    Raises:
        UserError: there is no study, or its results are damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser()
        results = self.path / "results.json"
        try:
            self.results: dict[str, Any] = read_json(results)
        except FileNotFoundError as error:
            raise UserError(
                f"{self.path}: no study (no results.json); `rnnlab study STUDY` makes one"
            ) from error
        except ValueError as error:
            raise UserError(
                f"{results}: damaged ({error}); the same `rnnlab study` command makes it anew"
            ) from error

    @classmethod
    def load(cls, path: str | Path) -> Study:
        """The study in a directory.

        Raises:
            UserError: there is none.
        """
        return cls(path)

    @property
    def name(self) -> str:
        """Of the study."""
        return self.results["study"]

    def runs(self) -> Iterator[Run]:
        """Its completed runs, each once."""
        seen = set()
        for group in self.results["groups"]:
            for level in group["levels"]:
                for run in level["runs"]:
                    if run["status"] == "completed" and run["run"] not in seen:
                        seen.add(run["run"])
                        yield Run(self.path / run["run"])

    def to_pandas(self) -> Any:
        """A DataFrame with a row for each run of each level of each group, all figures: long.csv.

        Raises:
            UserError: pandas is not installed, or no run was begun yet.
        """
        pandas = _PANDAS.load()
        path = self.path / "long.csv"
        if not path.is_file():
            raise UserError(f"{self.path}: no long.csv; the same `rnnlab study` command makes it")
        return pandas.read_csv(
            path, dtype=dict.fromkeys(_TEXTS, str), keep_default_na=False, na_values=[""]
        )

    def __repr__(self) -> str:
        runs = [
            run
            for group in self.results["groups"]
            for level in group["levels"]
            for run in level["runs"]
        ]
        done = sum(run["status"] == "completed" for run in runs)
        return (
            f"<Study {self.name}: {len(self.results['groups'])} groups, {done} of {len(runs)} rows>"
        )
