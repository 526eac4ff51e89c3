"""A study that runs: what it writes, what it repeats, and what it survives."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

import rnnlab
from rnnlab.exceptions import UserError

ONE = "factors: {rate: {key: train.optimizer.lr, levels: [0.01, 0.02]}}\n"
COLUMNS = "Model,Activation,Optimizer,SeqLength,GradClip,Accuracy,F1,EpochTime,Seed,CPU,RAMGB,RunID"


@pytest.fixture
def copy(done, tmp_path):
    """The finished study, to be changed."""
    shutil.copytree(done.path, tmp_path / "study")
    return tmp_path / "study"


def statuses(study: Path) -> list[str]:
    results = json.loads((study / "results.json").read_text())
    return [r["status"] for g in results["groups"] for level in g["levels"] for r in level["runs"]]


def read_csv(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_results_say_what_was_varied_and_where_the_runs_are(done):
    results = done.results
    assert done.result.json["completed"] == done.result.json["runs"] == 8
    assert {key: results[key] for key in ("study", "base", "seeds", "metric")} == {
        "study": "tiny",
        "base": "compositional-gru",
        "seeds": [0, 1],
        "metric": "accuracy",
    }
    assert results["higher_is_better"] is True
    assert results["changed"] == {"overrides": {}, "only": None, "limit": None}
    rate, cell = results["groups"]
    assert (rate["title"], rate["factor"], rate["numeric"]) == (
        "learning rate",
        "train.optimizer.lr",
        True,
    )
    first = rate["levels"][0]
    assert (first["label"], first["value"]) == ("0.01", 0.01)
    assert first["overrides"] == {"train.optimizer.lr": 0.01}
    assert first["reported"] == {"figures": {"accuracy": 0.5}, "note": "theirs"}
    base = [level for group in (rate, cell) for level in group["levels"] if level["is_base"]]
    assert [level["label"] for level in base] == ["0.002", "gru"]
    assert base[0]["runs"] == base[1]["runs"]
    for level in rate["levels"] + cell["levels"]:
        assert [run["seed"] for run in level["runs"]] == [0, 1]
        for run in level["runs"]:
            assert run["status"] == "completed"
            assert (done.path / run["run"] / "run.json").is_file()


def test_runs_record_their_threads_time_and_memory(done):
    for path in done.path.glob("runs/*/run.json"):
        facts = json.loads(path.read_text())
        assert facts["threads"] == 1
        assert 0 < facts["cpu_seconds"] < 60
        assert facts["peak_memory_bytes"] > 1e7


def test_tables(done):
    lines = (done.path / "metrics.csv").read_text().splitlines()
    assert lines[0] == COLUMNS
    rows = list(csv.DictReader(lines))
    assert len(rows) == 8
    assert {row["Model"] for row in rows} == {"GRU", "LSTM"}
    assert {row["Optimizer"] for row in rows} == {"Adam"}
    for row in rows:
        facts = json.loads((done.path / "runs" / row["RunID"] / "run.json").read_text())
        assert float(row["Accuracy"]) == facts["val"]["accuracy"]
        assert float(row["F1"]) == facts["val"]["macro_f1"]
        assert (float(row["GradClip"]), int(row["Seed"])) == (1.0, facts["seed"])
        assert float(row["RAMGB"]) == pytest.approx(facts["peak_memory_bytes"] / 1e9, abs=1e-3)
        assert float(row["EpochTime"]) > 0


def test_a_study_in_python(done):
    study = rnnlab.Study.load(done.path)
    table = study.to_pandas()
    assert len(table) == 10
    assert set(table["group"]) == {"rate", "cell"}
    assert table["val_accuracy"].between(0, 1).all()
    assert table.loc[table["label"] == "0.01", "reported_accuracy"].tolist() == [0.5, 0.5]
    assert len(list(study.runs())) == 8
    assert "tiny" in repr(study)
    with pytest.raises(UserError, match="no study"):
        rnnlab.Study.load(done.path / "runs")


def test_a_second_call_runs_nothing(done, command, copy):
    before = {p: p.stat().st_mtime_ns for p in copy.glob("runs/*/*")}
    result = command("study", done.file, "--out", copy, "--json").json
    counts = {key: result[key] for key in ("runs", "completed", "skipped", "failed")}
    assert counts == {"runs": 8, "completed": 0, "skipped": 8, "failed": 0}
    assert {p: p.stat().st_mtime_ns for p in copy.glob("runs/*/*")} == before
    assert (copy / "results.json").read_bytes() == (done.path / "results.json").read_bytes()


def test_claims_and_tables_can_be_deleted_and_damaged(done, command, copy):
    (copy / "study.db").write_bytes(b"not a database, but long enough to be read as one" * 40)
    for name in ("results.json", "metrics.csv", "long.csv"):
        (copy / name).unlink()
    result = command("study", done.file, "--out", copy, "--json")
    assert result.json["skipped"] == 8
    for name in ("results.json", "metrics.csv", "long.csv"):
        assert (copy / name).read_bytes() == (done.path / name).read_bytes()
    (copy / "study.db").unlink()
    assert command("study", copy, "--json").json["skipped"] == 8


def test_a_changed_file_is_told_and_old_rows_are_kept(done, command, copy, weights, tmp_path):
    text = done.file.read_text().replace("[0.01, 0.002, 0.05]", "[0.01, 0.002]")
    changed = tmp_path / "tiny.yaml"
    changed.write_text(text)
    before = weights(copy)
    result = command("study", changed, "--out", copy, "--json")
    assert result.json["runs"] == result.json["skipped"] == 6
    assert "the design has changed" in result.err
    assert "factors.rate.levels was [0.01, 0.002, 0.05], is now [0.01, 0.002]" in result.err
    assert weights(copy) == before
    rows = read_csv(copy / "metrics.csv")
    assert {row["RunID"] for row in rows} == set(before)
    old = [row for row in read_csv(copy / "long.csv") if "not in" in row["group"]]
    assert len(old) == 2
    assert len(statuses(copy)) == 8
    again = command("study", done.file, "--out", copy, "--json")
    assert again.json["skipped"] == 8


def test_dry_run_lists_distinct_runs_and_trains_none(done, command, tmp_path):
    result = command("study", done.file, "--dry-run", "--out", tmp_path / "new", "--json").json
    assert (result["runs"], result["pending"]) == (8, 8)
    assert result["seconds"] > 0
    assert all(trial["seconds"] > 0 for trial in result["trials"])
    shared = [trial for trial in result["trials"] if len(trial["levels"]) > 1]
    assert [trial["levels"] for trial in shared] == [["rate: 0.002", "cell: gru"]] * 2
    assert not (tmp_path / "new").exists()
    shown = command("study", done.file, "--dry-run", "--out", done.path).out
    assert "8 distinct runs" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_combination_of_the_best_levels(command, write_study, tmp_path):
    file = write_study(
        tmp_path,
        """
factors:
  epochs: {key: train.epochs, levels: [1, 2]}
  width: {key: model.encoder.hidden, levels: [3, 4]}
then: combine
test: true
""",
    )
    out = tmp_path / "study"
    assert command("study", file, "--out", out, "--only", "width", "--json").json["runs"] == 2
    results = json.loads((out / "results.json").read_text())
    assert results["changed"]["only"] == ["width"]
    assert command("study", file, "--out", out, "--json").code == 0
    results = json.loads((out / "results.json").read_text())
    assert results["changed"]["only"] is None
    best = {}
    for group in results["groups"][:2]:

        def accuracy(level):
            facts = json.loads((out / level["runs"][0]["run"] / "run.json").read_text())
            return facts["val"]["accuracy"], level["is_base"]

        best |= max(group["levels"], key=accuracy)["overrides"]
    *_, level = results["groups"][2]["levels"]  # after the base, unless that is the best
    assert level["overrides"] == best
    assert level["runs"][0]["status"] == "completed"
    ledger = (out / "runs" / "test-ledger.jsonl").read_text().splitlines()
    runs = list(out.glob("runs/*/run.json"))
    assert len(ledger) == len(runs) == len({json.loads(line)["run"] for line in ledger})
    tested = read_csv(out / "long.csv")
    assert all(0 <= float(row["test_accuracy"]) <= 1 for row in tested)


def test_best_levels_that_do_not_go_together_are_told(command, write_study, tmp_path):
    file = write_study(
        tmp_path,
        """
factors:
  cell: {levels: {rnn: {model.encoder.cell: rnn}}}
  reset: {key: model.encoder.cell.reset, levels: [before]}
then: combine
""",
    )
    out = tmp_path / "study"
    arguments = ("study", file, "model.encoder.cell=gru", "--out", out, "--workers", 1)
    result = command(*arguments, "--json")
    assert result.code == 1
    assert (result.json["completed"], result.json["failed"]) == (2, 1)
    assert "model.encoder.cell.reset" in result.json["reasons"]["combined"]
    assert statuses(out) == ["completed"] * 2
    again = command(*arguments)
    assert again.code == 1
    assert "not combined: tiny, combined: " in again.err
    assert "Not the study as its file has it: model.encoder.cell=gru." in again.out


def test_failures_are_recorded_and_the_others_go_on(command, write_study, tmp_path):
    file = write_study(
        tmp_path,
        """
factors:
  all:
    levels:
      diverges: {train.optimizer: {name: sgd, lr: 1e30}, train.clip_norm: null}
      lacks vectors: {model.embedding.vectors: /nowhere/vectors.txt}
      works: {train.epochs: 1}
""",
    )
    out = tmp_path / "study"
    result = command("study", file, "--out", out, "--json")
    assert result.code == 1
    counts = {key: result.json[key] for key in ("runs", "completed", "failed", "diverged")}
    assert counts == {"runs": 3, "completed": 1, "failed": 1, "diverged": 1}
    assert statuses(out) == ["diverged", "failed", "completed"]
    results = json.loads((out / "results.json").read_text())
    reasons = [level["runs"][0]["reason"] for level in results["groups"][0]["levels"]]
    assert "not finite" in reasons[0] or "nan" in reasons[0] or "inf" in reasons[0]
    assert "/nowhere/vectors.txt" in reasons[1]
    again = command("study", file, "--out", out)
    assert again.code == 1
    assert "vectors.txt" in again.out
    assert "Traceback" not in again.err


INJECTION = """
import errno, os, signal, sys
from pathlib import Path

def inject():
    import rnnlab.files as files
    mode, count, marker = os.environ["INJECT"].split(":", 2)
    left = [int(count)]
    replacing = files.replacing

    def failing(path):
        if "epochs.csv" in str(path) or mode != "kill":
            left[0] -= 1
        if left[0] < 0 and not Path(marker).exists():
            if mode == "kill":
                if marker != "-":
                    Path(marker).touch()
                os.kill(os.getpid(), signal.SIGKILL)
            raise OSError(getattr(errno, mode), os.strerror(getattr(errno, mode)))
        return replacing(path)

    files.replacing = failing

if "rnnlab.study.worker" in " ".join(sys.orig_argv) and "INJECT" in os.environ:
    inject()
"""


@pytest.fixture
def inject(tmp_path, monkeypatch):
    """Let every worker fail: inject(mode, writes before it, marker that heals once it exists)."""

    def run(mode: str, count: int, marker: Path) -> None:
        folder = tmp_path / "injection"
        folder.mkdir(exist_ok=True)
        (folder / "sitecustomize.py").write_text(INJECTION)
        before = os.environ.get("PYTHONPATH", "")
        source = Path(rnnlab.__file__).parents[1]
        monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{source}{os.pathsep}{before}")
        monkeypatch.setenv("INJECT", f"{mode}:{count}:{marker}")

    return run


def test_a_worker_that_the_system_kills_is_tried_again(command, inject, write_study, tmp_path):
    file = write_study(tmp_path, ONE)
    inject("kill", 1, tmp_path / "killed-once")
    result = command("study", file, "--out", tmp_path / "study", "--workers", 1, "--json")
    assert result.code == 0, result.err
    assert "SIGKILL" in result.err
    assert "tried again" in result.err
    assert statuses(tmp_path / "study") == ["completed"] * 2


@pytest.mark.slow
def test_a_worker_that_is_killed_every_time_is_given_up(command, inject, write_study, tmp_path):
    file = write_study(tmp_path, ONE)
    inject("kill", 0, Path("-"))
    out = tmp_path / "study"
    result = command("study", file, "--out", out, "--workers", 1, "--retries", 1, "--json")
    assert result.code == 1
    assert result.json["failed"] == 2
    assert result.err.count("tried again") == 2
    assert statuses(out) == ["failed", "failed"]
    assert all("SIGKILL" in reason for reason in result.json["reasons"].values())


@pytest.mark.parametrize("mode", ["ENOSPC", pytest.param("EROFS", marks=pytest.mark.slow)])
def test_a_disk_that_cannot_be_written(mode, done, command, inject, copy, write_study, tmp_path):
    runs = sorted((copy / "runs").iterdir())
    shutil.rmtree(runs[0])
    inject(mode, 3, tmp_path / "healed")
    arguments = ("study", done.file, "--out", copy, "--workers", 1)
    result = command(*arguments)
    assert result.code == 2
    errors = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert os.strerror(28 if mode == "ENOSPC" else 30) in errors[0]
    assert "finished runs are kept" in errors[0]
    assert statuses(copy).count("completed") >= 8
    (tmp_path / "healed").touch()
    assert command(*arguments, "--json").json["completed"] == 1


def test_a_disk_that_is_full_for_the_runner_itself(done, command, copy, monkeypatch):
    from rnnlab import files

    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "replacing", full)
    result = command("study", done.file, "--out", copy)
    assert result.code == 2
    assert "No space left on device" in result.err
    assert "Traceback" not in result.err
    monkeypatch.undo()
    assert command("study", done.file, "--out", copy, "--json").json["skipped"] == 8


def test_data_that_has_changed_is_refused(command, write_study, tmp_path):
    table = tmp_path / "table.csv"
    rows = [f"{'good' if n % 2 else 'bad'} film {n},{n % 2}" for n in range(60)]
    table.write_text("\n".join(["text,label", *rows]))
    file = tmp_path / "mine.yaml"
    file.write_text(
        f"base: table\nset: {{data.path: {table}, model.encoder.hidden: 4, train.epochs: 1}}\n"
        + "factors: {rate: {key: train.optimizer.lr, levels: [0.01]}}\n"
    )
    out = tmp_path / "study"
    assert command("study", file, "--out", out).code == 0
    table.write_text("\n".join(["text,label", *rows[:-2]]))
    file.write_text(file.read_text().replace("[0.01]", "[0.01, 0.02]"))
    result = command("study", file, "--out", out)
    assert result.code == 1
    assert "the data has changed" in result.out
    assert statuses(out) == ["completed", "failed"]


def test_an_interrupt_saves_and_says_how_to_go_on(start, command, write_study, tmp_path):
    file = write_study(tmp_path, ONE)
    out = tmp_path / "study"
    arguments = ("study", file, "train.epochs=40", "--out", out, "--workers", 1)
    process: subprocess.Popen[str] = start(*arguments)
    deadline = time.monotonic() + 60
    while not list(out.glob("runs/*/epochs.csv")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert f"go on with: rnnlab study {file} train.epochs=40 --out {out} --workers 1" in errors
    assert "Traceback" not in errors
    assert set(statuses(out)) <= {"missing", "completed"}
    (run,) = out.glob("runs/*/run.json")
    assert json.loads(run.read_text())["status"] == "interrupted"


def test_a_folder_that_holds_something_else(command, write_study, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    file = write_study(tmp_path, ONE)
    result = command("study", file, "--out", tmp_path / "full")
    assert result.code == 2
    assert "thesis.tex" in result.err
    result = command("study", file, "--only", "rtae")
    assert result.code == 2
    assert "did you mean 'rate'" in result.err
