"""Trainings that share a machine share its cores."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rnnlab import claims
from rnnlab.claims import claimed, free_cores


@pytest.fixture(autouse=True)
def four_cores(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNLAB_CACHE", str(tmp_path))
    monkeypatch.setattr(claims, "available_cores", lambda: 4)


def test_claims_add_up_and_end():
    assert free_cores() == 4
    with claimed(1):
        assert free_cores() == 3
        with claimed(2):
            assert free_cores() == 1
            with claimed(2):
                assert free_cores() == 1  # at least one
        assert free_cores() == 3
    assert free_cores() == 4


def test_a_killed_process_leaves_no_claim(tmp_path):
    script = "import os, rnnlab.claims as c\nwith c.claimed(3):\n print('in', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in\n"
        assert free_cores() == 1
        process.kill()
        process.wait()
    assert list((tmp_path / "running").glob("*.claim"))
    assert free_cores() == 4
    assert not list((tmp_path / "running").glob("*.claim"))


def test_a_cache_that_cannot_be_written_stops_nothing(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("RNNLAB_CACHE", str(tmp_path / "file"))
    with claimed(2):
        assert free_cores() == 4
