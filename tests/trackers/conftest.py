"""A training of 60 updates in three epochs, with and without a tracker."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rnnlab import options, tracking
from rnnlab.config.load import load_config
from rnnlab.progress import ProgressLine
from rnnlab.registry import TRACKERS
from rnnlab.runner import train_run

from .helpers import SETTINGS, Fake


@pytest.fixture
def train(tmp_path) -> Callable[..., dict[str, Any]]:
    """Train into a folder: train("run", "tracker=fake", watcher=...)."""

    def run(name: str, *overrides: str, watcher: Any = None) -> dict[str, Any]:
        config = load_config("compositional-gru", [*SETTINGS, *overrides])
        watcher = watcher or ProgressLine()
        return train_run(config, runs_root=tmp_path, out=tmp_path / name, watcher=watcher)

    return run


@pytest.fixture(scope="session")
def untracked(session_cache, tmp_path_factory) -> Path:
    """The same training without a tracker."""
    folder = tmp_path_factory.mktemp("untracked")
    config = load_config("compositional-gru", SETTINGS)
    train_run(config, runs_root=folder, out=folder / "run", watcher=ProgressLine())
    return folder / "run"


@pytest.fixture
def same_result(untracked) -> Callable[[Path], None]:
    """Compare a run with the one that had no tracker, byte for byte."""

    def check(run: Path) -> None:
        for name in ("model/weights.safetensors", "epochs.csv", "predictions/val.parquet"):
            assert (run / name).read_bytes() == (untracked / name).read_bytes(), name

    return check


@pytest.fixture
def fake(monkeypatch) -> Fake:
    """Register the fake tracker, which needs no library."""
    monkeypatch.setattr(tracking, "DELIVERY_SECONDS", 0.01)
    tracker = Fake()
    module: Any = ModuleType("rnnlab.trackers.fake")
    module.SUMMARY, module.LIBRARY, module.Options = "for tests", None, options.Options
    module.open_tracker = tracker.open_tracker
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(vars(TRACKERS), "names", [*TRACKERS.names, "fake"])
    return tracker
