"""What the proofs' tests share: a session, and one small run."""

from __future__ import annotations

import pytest

from rnnlab.config.load import load_config
from rnnlab.runner import train_run
from rnnlab.verify.practice import _StopsAfter
from rnnlab.verify.session import session

SMALL = [
    "data.train_size=60",
    "data.val_size=40",
    "data.test_size=20",
    "model.embedding.dim=5",
    "model.encoder.hidden=6",
    "train.epochs=2",
    "train.batch_size=16",
]


@pytest.fixture(scope="session")
def opened():
    """One session, so that the new process is started once."""
    with session() as one:
        yield one


@pytest.fixture(scope="session")
def gru_run(tmp_path_factory, session_cache):
    """A finished run of a small GRU."""
    root = tmp_path_factory.mktemp("runs")
    config = load_config("compositional-gru", SMALL)
    facts = train_run(config, runs_root=root, out=root / "gru", watcher=_StopsAfter(None))
    assert facts["status"] == "completed"
    return root / "gru"
