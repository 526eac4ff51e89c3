"""rnnlab bench: all figures as JSON, a table for people, and a clear refusal."""

from __future__ import annotations

import dataclasses

import pytest

from rnnlab.bench import report
from rnnlab.bench.workloads import WORKLOADS


@pytest.fixture(autouse=True)
def small_workloads(monkeypatch):
    small = {"hidden": 8, "embedding": 8, "vocabulary": 50, "batch": 4, "max_tokens": 12}
    chosen = [dataclasses.replace(w, **small) for w in WORKLOADS if w.name in ("W1", "W9")]
    monkeypatch.setattr(report, "WORKLOADS", tuple(chosen))
    monkeypatch.setattr(report, "find_spec", lambda library: None)  # Flax takes long to compile


def test_json(cli):
    facts = cli("bench", "--rounds", "1", "--threads", "1", "--json").json
    assert facts["gemm_gflops"] > 0
    assert facts["threads"] == 1
    first, second = facts["workloads"]
    assert (first["name"], second["name"]) == ("W1", "W9")
    assert first["tokens_per_second"] > 0
    assert 0 < first["outside_model"] < 1
    assert {"reference", "packed_bucketed", "padded"} <= set(first["ratios"])
    assert second["p50_ms"] <= second["p95_ms"]


def test_table(cli):
    result = cli("bench", "--rounds", "1", "--threads", "1", "--only", "w9", "--quick")
    assert result.code == 0
    assert "one review in" in result.out
    assert "not exact" in " ".join(result.out.split())
    assert max(map(len, result.out.splitlines())) <= 80


def test_an_unknown_workload_is_refused(refused):
    assert "W99" in refused("bench", "--only", "W99")
