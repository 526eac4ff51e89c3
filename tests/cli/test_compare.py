"""rnnlab compare and report on the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rnnlab.compare.cost import MEASURES
from rnnlab.files import read_json

from ..synthetic import write_length_study


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_length_study(tmp_path_factory.mktemp("compare") / "small", size=1500)


def test_a_study_in_the_terminal(cli, study, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    result = cli("compare", study, "--budget", "train_seconds<=600 latency_ms<=5")
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "Length: accuracy on 1,500 texts, compared with 100 (base)" in lines[0]
    assert any(line.split()[-1:] == ["better"] for line in lines)
    assert any("50: seed 2 diverged (gradient is not finite at step 7)" in line for line in lines)
    assert "is the best of 3 within train_seconds<=600" in " ".join(result.out.split())


def test_as_json(cli, study):
    found = cli("compare", study, "--json", "--metric", "macro_f1", "--to", "best").json
    assert (found["metric"], found["split"], found["budget"]) == ("macro_f1", "val", None)
    (group,) = found["groups"]
    assert [item["label"] for item in group["levels"]] == ["50", "100", "200"]
    assert group["levels"][0]["difference"]["verdict"] == "worse"
    written = cli("report", study / "runs" / "L50-s0", "--json").json
    assert Path(written["page"]).is_file()
    assert all(Path(path).is_file() for path in written["plots"])


def test_a_study_by_its_name(cli, study):
    shutil.copytree(study, "studies/small")
    assert cli("compare", "small").code == 0
    assert cli("report", "small").code == 0
    assert Path("studies/small/report.html").is_file()


def test_mistakes(refused, study):
    assert "did you mean 'latency_ms'?" in refused("compare", study, "--budget", "latency<5")
    assert "no study here" in refused("compare", "nowhere")
    assert "is one run" in refused("compare", study / "runs" / "L50-s0")
    assert "neither a run" in refused("report", "nowhere")
    assert "it has no perplexity" in refused("compare", study, "--metric", "perplexity")


def test_a_real_run_records_its_costs_and_has_a_report(cli, finished, tmp_path):
    run = shutil.copytree(finished.run, tmp_path / "run")
    facts = read_json(run / "run.json")
    assert set(facts["cost"]) == {
        *("latency_ms", "latency_p95_ms", "latency_texts", "texts_per_second", "model_mb")
    }
    assert 0 < facts["cost"]["latency_ms"] <= facts["cost"]["latency_p95_ms"]
    written = cli("report", run, "--json").json
    page = Path(written["page"]).read_text(encoding="utf-8")
    for key in ("cpu_seconds", "latency_ms", "parameters", "model_mb", "peak_memory_mb"):
        assert MEASURES[key].title.replace("'", "&#39;") in page
