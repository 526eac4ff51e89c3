"""Each library's own record, read back; its chatter; and what happens when it goes away."""

from __future__ import annotations

import csv
import json
import os
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from rnnlab import tracking
from rnnlab.exceptions import Interrupted
from rnnlab.files import read_json
from rnnlab.runner import resume_run
from rnnlab.trackers import Point, TrackedRun

from .helpers import STEPS, Recorder

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs

UPDATES = list(range(10, STEPS + 1, 10))


@pytest.fixture(autouse=True)
def quiet_surroundings(monkeypatch, tmp_path):
    """No settings of the user's, and no network."""
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "WANDB_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.chdir(tmp_path)


def epochs_of(run: Path) -> list[dict[str, str]]:
    with (run / "epochs.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture
def resumed(train, tmp_path, same_result, capfd):
    """Stop a run after 33 of its updates and go on with it: resumed("tracker=mlflow")."""

    def run(tracker: str) -> Path:
        with pytest.raises(Interrupted):
            train("run", tracker, watcher=Recorder(stop_after=33))
        resume_run(tmp_path / "run", watcher=Recorder())
        same_result(tmp_path / "run")
        assert read_json(tmp_path / "run" / "tracker.json")["sent"] == [STEPS, 2]
        printed = capfd.readouterr()
        assert printed.out == ""
        known = ("640 training and 64 validation texts", "epoch ")
        assert [line for line in printed.err.splitlines() if not line.startswith(known)] == []
        return tmp_path / "run"

    return run


def test_the_command_prints_results_alone(tmp_path):
    """Of all trackers this one prints most, until the process ends."""
    pytest.importorskip("wandb")
    command = [sys.executable, "-m", "rnnlab", "train", "compositional-majority", "--json"]
    done = subprocess.run(
        [*command, "tracker=wandb", "--out", tmp_path / "run"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert json.loads(done.stdout)["status"] == "completed"
    told = [line for line in done.stderr.splitlines() if "kept in the cache" not in line]
    assert len(told) == 1
    assert "training and" in told[0]
    assert {path.name for path in tmp_path.iterdir()} - {"config", "cache"} == {"run"}


def test_tensorboard_reads_one_run(resumed, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = resumed("tracker=tensorboard")
    assert len(list((run / "tensorboard").iterdir())) == 2
    read = EventAccumulator(str(run / "tensorboard")).Reload()
    assert [event.step for event in read.Scalars("step/loss")] == UPDATES
    rows = epochs_of(run)
    for tag, column in [("train/loss", "train_loss"), ("val/macro_f1", "val_macro_f1")]:
        events = read.Scalars(tag)
        assert [event.step for event in events] == [20, 40, 60]
        expected = [float(row[column]) for row in rows]
        assert [event.value for event in events] == pytest.approx(expected, rel=1e-6)
    texts = {
        tag: read.Tensors(tag)[-1].tensor_proto.string_val[0].decode()
        for tag in ("config", "directory", "status")
    }
    assert "| train.optimizer.lr | `0.002` |" in texts["config"].splitlines()
    assert texts["directory"] == f"`{run}`"
    assert texts["status"] == "completed"
    assert read.SummaryMetadata("config").plugin_data.plugin_name == "text"


def test_tensorboard_does_not_import_tensorflow(tmp_path, monkeypatch):
    pytest.importorskip("tensorboard")
    from rnnlab.trackers.tensorboard import Options, open_tracker

    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow" / "__init__.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    for module in [m for m in sys.modules if m.partition(".")[0] == "tensorboard"]:
        monkeypatch.delitem(sys.modules, module)
    tracker = open_tracker(Options(), TrackedRun("run", tmp_path, {"a": 1}, None))
    tracker.log([Point(1, 0, 0.0, {"step/loss": 1.0})])
    tracker.close("completed")
    assert "tensorflow" not in sys.modules


def test_mlflow_reads_one_run(resumed, tmp_path):
    mlflow = pytest.importorskip("mlflow")
    run = resumed("tracker=mlflow")
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("rnnlab")
    (kept,) = client.search_runs([experiment.experiment_id])
    id = read_json(run / "tracker.json")["id"]
    assert kept.info.run_id == id
    assert (kept.info.run_name, kept.info.status) == ("run", "FINISHED")
    assert kept.data.tags["rnnlab.directory"] == str(run)
    assert kept.data.tags["rnnlab.status"] == "completed"
    assert kept.data.params["train.optimizer.lr"] == "0.002"
    assert [metric.step for metric in client.get_metric_history(id, "step/loss")] == UPDATES
    accuracy = client.get_metric_history(id, "val/accuracy")
    rows = epochs_of(run)
    assert [(metric.step, metric.value) for metric in accuracy] == [
        (int(row["step"]), float(row["val_accuracy"])) for row in rows
    ]
    val = read_json(run / "run.json")["val"]
    assert kept.data.metrics["final/accuracy"] == val["accuracy"]
    left = {path.name for path in tmp_path.iterdir()} - {"config", "cache"}
    assert left == {"run", "mlflow.db"}


def wandb_records(path: Path) -> list[Any]:
    """The records of a W&B file, a log in LevelDB's form; it is complete soon after the end."""
    from wandb.proto.wandb_internal_pb2 import Record

    for _ in range(200):
        data, place, whole, records = path.read_bytes(), 7, b"", []
        while place + 7 <= len(data):
            if (left := 32768 - place % 32768) < 7:
                place += left
                continue
            _, size, kind = struct.unpack("<IHB", data[place : place + 7])
            whole += data[place + 7 : place + 7 + size]
            place += 7 + size
            if kind in (1, 4):  # a whole record, or its last part
                records.append(Record.FromString(whole))
                whole = b""
        if records and records[-1].HasField("exit"):
            return records
        time.sleep(0.05)
    raise AssertionError(f"{path} does not end")


def test_wandb_keeps_everything_in_the_run_directory(resumed, tmp_path):
    pytest.importorskip("wandb")
    run = resumed("tracker=wandb")
    id = read_json(run / "tracker.json")["id"]
    sessions = sorted((run / "wandb").glob("offline-run-*"))
    assert [session.name.rpartition("-")[2] for session in sessions] == [id, id]
    kept = [record for s in sessions for record in wandb_records(s / f"run-{id}.wandb")]
    history = [record.history for record in kept if record.HasField("history")]
    assert [step.step.num for step in history] == UPDATES
    values = [{v.key or v.nested_key[0]: v.value_json for v in step.item} for step in history]
    accuracy = [float(step["val/accuracy"]) for step in values if "epoch" in step]
    assert accuracy == [float(row["val_accuracy"]) for row in epochs_of(run)]
    begun = [record.run for record in kept if record.HasField("run")]
    assert {begin.project for begin in begun} == {"rnnlab"}
    config = {v.key: v.value_json for v in begun[0].config.update}
    assert config["train.optimizer.lr"] == "0.002"


@pytest.mark.parametrize("name", ["tensorboard", "mlflow", "wandb"])
def test_a_record_that_is_deleted_meanwhile(train, tmp_path, same_result, monkeypatch, name):
    pytest.importorskip(name)
    monkeypatch.setattr(tracking, "DELIVERY_SECONDS", 0.01)
    record, deleted = tmp_path / "run" / "tracker.json", []

    class Deleter(Recorder):
        def step(self, state: Any, **kwargs: Any) -> None:
            if state.step != 25:
                return
            while not record.is_file() or read_json(record)["sent"] < [10, 0]:
                time.sleep(0.01)
            for path in [*tmp_path.glob("mlflow.db*"), tmp_path / "run" / name]:
                if path.exists():
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
                    deleted.append(path)

    assert train("run", f"tracker={name}", watcher=Deleter())["status"] == "completed"
    assert deleted
    same_result(tmp_path / "run")


@pytest.mark.parametrize(
    ("name", "override"),
    [
        ("mlflow", "tracker={name: mlflow, uri: 'http://127.0.0.1:9'}"),
        ("mlflow", "tracker={name: mlflow, uri: 'nonsense://x'}"),
        ("wandb", "tracker={name: wandb, mode: online}"),
    ],
)
def test_a_service_that_cannot_be_reached(
    train, tmp_path, same_result, caplog, monkeypatch, name, override
):
    pytest.importorskip(name)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    assert train("run", override)["status"] == "completed"
    same_result(tmp_path / "run")
    (warning,) = [r.getMessage() for r in caplog.records if r.name == "rnnlab.tracking"]
    assert warning.startswith(f"tracker {name}: ")


def test_the_path_of_a_database_holds_from_any_folder(monkeypatch, tmp_path):
    from rnnlab.trackers.mlflow import Options

    for given, kept in [
        (None, None),
        ("sqlite:///a/m.db", f"sqlite:///{tmp_path}/a/m.db"),
        ("sqlite:////a/m.db", "sqlite:////a/m.db"),
        ("https://user:secret@host", "https://user:secret@host"),
    ]:
        assert Options(uri=given).portable().uri == kept
