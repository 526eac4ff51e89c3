"""A tiny study, the command in process and in processes of its own, and what must be equal."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rnnlab.cli import main

TINY = """
base: compositional-gru
summary: a tiny study
set:
  data.train_size: 256
  data.val_size: 64
  data.test_size: 64
  model.embedding.dim: 4
  model.encoder.hidden: 4
  train.epochs: 2
  train.batch_size: 16
  train.checkpoint_seconds: 0
"""
FACTORS = """
seeds: [0, 1]
factors:
  rate:
    title: learning rate
    key: train.optimizer.lr
    levels: [0.01, 0.002, 0.05]
    reported: {note: theirs, figures: {0.01: {accuracy: 0.5}}}
  cell:
    levels:
      gru: {model.encoder.cell: gru}
      lstm: {model.encoder.cell: lstm}
"""


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Standard output as one JSON object."""
        return json.loads(self.out)


def run_command(*arguments: object) -> Result:
    """Run `rnnlab ARGUMENTS` in this process; its workers are processes all the same."""
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", ["rnnlab", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
    return Result(int(stopped.value.code or 0), out.getvalue(), err.getvalue())


def start_command(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    """Start `rnnlab ARGUMENTS` as a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "rnnlab", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, **environment},
    )


def weights_of(study: Path) -> dict[str, str]:
    """Hash of each completed run's weights and epochs, by the name of its directory."""
    found = {}
    for run in sorted((study / "runs").glob("*/run.json")):
        if json.loads(run.read_text())["status"] == "completed":
            parts = [run.parent / "model" / "weights.safetensors", run.parent / "epochs.csv"]
            digest = hashlib.sha256(b"".join(part.read_bytes() for part in parts))
            found[run.parent.name] = digest.hexdigest()
    return found


@pytest.fixture(scope="session")
def command() -> Callable[..., Result]:
    """Run a command in this process."""
    return run_command


@pytest.fixture(scope="session")
def start() -> Callable[..., subprocess.Popen[str]]:
    """Start a command in a process group of its own."""
    return start_command


@pytest.fixture(scope="session")
def weights() -> Callable[[Path], dict[str, str]]:
    """Hashes of what a study has trained."""
    return weights_of


@pytest.fixture(scope="session")
def write_study() -> Callable[..., Path]:
    """Write a study file: write_study(folder, more YAML, name="tiny")."""

    def write(folder: Path, more: str, name: str = "tiny") -> Path:
        path = folder / f"{name}.yaml"
        path.write_text(TINY + more)
        return path

    return write


@dataclass(frozen=True)
class Done:
    """A finished study; tests must leave its directory as it is."""

    path: Path
    file: Path
    result: Result

    @property
    def results(self) -> dict[str, Any]:
        """results.json."""
        return json.loads((self.path / "results.json").read_text())


@pytest.fixture(scope="session")
def done(session_cache, tmp_path_factory, write_study) -> Done:
    """Two factors, two seeds, eight distinct runs of ten rows."""
    folder = tmp_path_factory.mktemp("done")
    file = write_study(folder, FACTORS)
    result = run_command("study", file, "--out", folder / "study", "--workers", 1, "--json")
    assert result.code == 0, result.err
    return Done(folder / "study", file, result)
