"""A small run, and a server of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .helpers import Server, serving, train


@pytest.fixture(scope="session")
def run(session_cache, tmp_path_factory) -> Path:
    """A run on the embedded data; tests must leave it as it is."""
    small = (
        *("data.train_size=300", "data.val_size=100", "model.embedding.dim=8", "threads=1"),
        *("model.encoder.hidden=6", "train.epochs=2", "train.optimizer.lr=0.02"),
    )
    folder = tmp_path_factory.mktemp("served") / "opinions"
    return train(folder, "compositional-bilstm-attention", *small)


@pytest.fixture(scope="session")
def server(run, tmp_path_factory) -> Iterator[Server]:
    """A server with the usual limits."""
    with serving(run, tmp_path_factory.mktemp("log") / "errors") as started:
        yield started


@pytest.fixture(scope="session")
def predictor(run) -> Any:
    from rnnlab.predictor import Predictor

    return Predictor.load(run / "model")
