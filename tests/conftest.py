"""What all tests share: a cache of their own, and the user's data where it is there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def session_cache(tmp_path_factory):
    """Keep tests away from the user's cache and runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNNLAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("RNNLAB_RUNS", raising=False)
        yield


@pytest.fixture
def data_folder() -> Path:
    """The folder of real data sets; the test is skipped where there is none."""
    chosen = os.environ.get("RNNLAB_DATA")
    if not chosen or not Path(chosen).is_dir():
        pytest.skip("no real data here: set RNNLAB_DATA to the folder that holds it")
    return Path(chosen)
