"""The command line in process, a small table, and a run that was trained on it."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import random
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rnnlab.cli import main

CUES = {
    "good": ["great", "fine", "lovely", "superb"],
    "bad": ["awful", "poor", "dull", "weak"],
    "mixed": ["uneven", "average", "passable", "ordinary"],
}
OTHER = ["the", "film", "was", "a", "plot", "and", "with", "actors", "in", "it", "scene", "story"]
TINY = (
    "data.text=review",
    "data.max_tokens=40",
    "model.embedding.dim=8",
    "model.embedding.dropout=0",
    "model.embedding.std=1",
    "model.encoder.hidden=8",
    "model.dropout=0",
    "train.epochs=8",
    "train.schedule=constant",
    "train.batch_size=16",
    "train.optimizer.lr=0.05",
    "threads=1",
)


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Standard output, which must be one JSON object and nothing else."""
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value


def run_command(*arguments: object, stdin: bytes = b"") -> Result:
    """Run `rnnlab ARGUMENTS` as the shell would."""
    out, err = io.StringIO(), io.StringIO()
    pipe = SimpleNamespace(buffer=io.BytesIO(stdin), isatty=lambda: False)
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", ["rnnlab", *map(str, arguments)])
        patch.setattr(sys, "stdin", pipe)
        with pytest.raises(SystemExit) as stopped:
            main()
    return Result(int(stopped.value.code or 0), out.getvalue(), err.getvalue())


def make_rows(count: int, seed: int) -> list[dict[str, str]]:
    """Short reviews of three classes in turn."""
    chance = random.Random(seed)
    rows = []
    for number in range(count):
        label = list(CUES)[number % 3]
        words = chance.choices(OTHER, k=chance.randint(2, 12))
        words.insert(chance.randrange(len(words)), chance.choice(CUES[label]))
        rows.append({"id": f"r{number}", "review": " ".join(words), "label": label})
    return rows


def write_table(path: Path, rows: list[dict[str, str]]) -> Path:
    """Write rows as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@dataclass(frozen=True)
class Finished:
    """A trained run and what it was made from."""

    run: Path
    table: Path
    test: Path
    arguments: tuple[str, ...]
    result: Result


@pytest.fixture(scope="session")
def finished(session_cache, tmp_path_factory) -> Finished:
    """A run on 90 reviews with a test table of 30; tests must leave its directory as it is."""
    folder = tmp_path_factory.mktemp("finished")
    table = write_table(folder / "train.csv", make_rows(90, seed=1))
    test = write_table(folder / "test.csv", make_rows(30, seed=2))
    arguments = ("table", f"data.path={table}", f"data.test_path={test}", *TINY)
    result = run_command("train", *arguments, "--runs", folder / "runs", "--json")
    assert result.code == 0, result.err
    return Finished(Path(result.json["run"]), table, test, arguments, result)


@pytest.fixture(scope="session")
def tools() -> SimpleNamespace:
    """What fixtures with a wider scope than `cli` make runs with."""
    return SimpleNamespace(run=run_command, rows=make_rows, write=write_table)


@pytest.fixture
def cli(tmp_path, monkeypatch):
    """Run a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return run_command


@pytest.fixture
def refused(cli):
    """Run a command that must be refused: code 2 and one line, which is returned."""

    def run(*arguments: object, stdin: bytes = b"", after_progress: bool = False) -> str:
        result = cli(*arguments, stdin=stdin)
        lines = result.err.splitlines()
        errors = [line for line in lines if line.startswith("error: ")]
        assert result.code == 2, result
        assert result.out == ""
        assert len(errors) == 1
        assert lines[-1:] == errors
        assert after_progress or len(lines) == 1
        return errors[0]

    return run


@pytest.fixture
def rows() -> list[dict[str, str]]:
    """Thirty reviews."""
    return make_rows(30, seed=3)


@pytest.fixture
def write():
    """Write rows as CSV: write(path, rows)."""
    return write_table


@pytest.fixture
def tiny() -> tuple[str, ...]:
    """Overrides for a model that trains in a blink on a table with a column 'review'."""
    return TINY
