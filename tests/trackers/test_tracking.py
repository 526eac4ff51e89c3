"""What a tracker is told, and that it can do no harm."""

from __future__ import annotations

import csv
import json
import logging
import sys
import threading

import pytest

from rnnlab import compose, tracking
from rnnlab.config.load import dump_config, load_config, parse_config, parse_yaml
from rnnlab.exceptions import Diverged, Interrupted, UserError
from rnnlab.extras import Library
from rnnlab.files import read_json
from rnnlab.identity import identity_of
from rnnlab.predictor import Predictor
from rnnlab.registry import TRACKERS
from rnnlab.runner import resume_run
from rnnlab.trackers import Point

from .helpers import SETTINGS, STEPS, Recorder

ORDER = sorted(
    [(step, 0) for step in range(10, STEPS + 1, 10)]
    + [(step, 1) for step in (20, 40, 60)]
    + [(STEPS, 2)]
)


def places(points: list[Point]) -> list[tuple[int, int]]:
    return [(point.step, point.kind) for point in points]


def warnings(caplog) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    ("moment", "error"),
    [
        ("open", ImportError()),
        ("open", OSError("the disk\nis full")),
        ("log", OSError("the disk\nis full")),
        ("log", SystemExit(3)),
        ("close", OSError("the disk\nis full")),
    ],
)
def test_a_tracker_that_fails_changes_nothing(
    train, tmp_path, same_result, fake, caplog, moment, error
):
    def fail(now):
        if now == moment:
            raise error

    fake.on = fail
    assert train("run", "tracker=fake")["status"] == "completed"
    same_result(tmp_path / "run")
    (warning,) = warnings(caplog)
    reason = "the disk is full" if isinstance(error, OSError) else ""
    assert warning.startswith(f"tracker fake: {reason}")
    assert warning.endswith("the training goes on without it")


def test_a_tracker_that_hangs_is_left_behind(
    train, tmp_path, same_result, fake, caplog, monkeypatch
):
    monkeypatch.setattr(tracking, "PATIENCE_SECONDS", 0.2)
    released = threading.Event()
    fake.on = lambda moment: released.wait(60) if moment == "log" else None
    assert train("run", "tracker=fake")["status"] == "completed"
    same_result(tmp_path / "run")
    assert warnings(caplog) == ["tracker fake: does not answer; the rest is not sent"]
    released.set()


def test_a_tracker_that_works_changes_nothing_either(train, tmp_path, same_result, fake, caplog):
    train("run", "tracker=fake")
    same_result(tmp_path / "run")
    assert warnings(caplog) == []
    assert fake.statuses == ["completed"]


def test_what_is_told(train, tmp_path, fake):
    recorder = Recorder()
    facts = train("run", "tracker=fake", "train.schedule=cosine", watcher=recorder)
    (told,) = fake.opened
    assert (told.name, told.directory, told.id) == ("run", tmp_path / "run", None)
    assert told.parameters["train.optimizer.lr"] == 2e-3
    assert told.parameters["model.pooling"] == "final"
    assert told.parameters["train.patience"] is None
    assert not any("tracker" in key for key in told.parameters)
    assert places(fake.points) == ORDER
    updates, epochs, ends = ([p for p in fake.points if p.kind == kind] for kind in range(3))
    for point in updates:
        window = range(point.step - 9, point.step + 1)
        mean = sum(recorder.losses[step] for step in window) / 10
        assert point.values["step/loss"] == pytest.approx(mean, rel=1e-12)
        assert point.values["step/learning_rate"] == recorder.rates[point.step]
        assert point.values["step/tokens_per_second"] > 0
    assert len({point.values["step/learning_rate"] for point in updates}) == len(updates)
    with (tmp_path / "run" / "epochs.csv").open() as file:
        rows = list(csv.DictReader(file))
    for point, row in zip(epochs, rows, strict=True):
        assert point.step == int(row["step"])
        assert point.values == {
            "epoch": float(row["epoch"]),
            "train/loss": float(row["train_loss"]),
            "train/accuracy": float(row["train_accuracy"]),
            "val/loss": float(row["val_loss"]),
            "val/accuracy": float(row["val_accuracy"]),
            "val/macro_f1": float(row["val_macro_f1"]),
        }
    (end,) = ends
    assert {name: end.values[f"final/{name}"] for name in ("accuracy", "macro_f1", "loss")} == {
        name: facts["val"][name] for name in ("accuracy", "macro_f1", "loss")
    }
    assert end.values["final/best_epoch"] == facts["best_epoch"]
    assert end.values["final/parameters"] == facts["parameters"]


def test_a_model_that_is_fitted_in_one_go(train, fake):
    facts = train("run", "tracker=fake", "model=majority")
    (point,) = fake.points
    assert (point.step, point.kind) == (0, 2)
    assert point.values["final/accuracy"] == facts["val"]["accuracy"]
    assert fake.statuses == ["completed"]


def test_a_resumed_run_goes_on_where_the_tracker_stopped(train, tmp_path, same_result, fake):
    with pytest.raises(Interrupted):
        train("run", "tracker=fake", watcher=Recorder(stop_after=33))
    assert fake.statuses == ["interrupted"]
    assert places(fake.points) == [place for place in ORDER if place <= (33, 0)]
    first = len(fake.points)
    resume_run(tmp_path / "run", watcher=Recorder())
    same_result(tmp_path / "run")
    assert places(fake.points) == ORDER
    assert fake.statuses == ["interrupted", "completed"]
    assert [told.id for told in fake.opened] == [None, fake.id]
    assert places(fake.points[first:]) == ORDER[first:]


def test_what_the_tracker_has_is_not_told_twice(train, tmp_path, fake):
    """Where the last checkpoint is older than what was told, updates are done again."""
    for folder, step in (("longer", 33), ("run", 22)):
        with pytest.raises(Interrupted):
            train(folder, "tracker=fake", watcher=Recorder(stop_after=step))
    told = read_json(tmp_path / "longer" / "tracker.json")
    assert told == {"tracker": "fake", "id": fake.id, "sent": [30, 0]}
    (tmp_path / "run" / "tracker.json").write_text(json.dumps(told))
    fake.points.clear()
    resume_run(tmp_path / "run", watcher=Recorder())
    assert places(fake.points) == [place for place in ORDER if place > (30, 0)]


@pytest.mark.parametrize("change", ["failed", "new"])
def test_epochs_that_a_tracker_missed_are_told_later(train, tmp_path, fake, change):
    def fail(moment):
        raise OSError

    before = fake.on
    fake.on = fail if change == "failed" else before
    tracker = "tracker=fake" if change == "failed" else "tracker=null"
    with pytest.raises(Interrupted):
        train("run", tracker, watcher=Recorder(stop_after=33))
    fake.on = before
    train("run", "tracker=fake", watcher=Recorder())
    assert [told.id for told in fake.opened] == [None]
    assert [place for place in places(fake.points) if place[1]] == [p for p in ORDER if p[1]]
    assert places(fake.points) == sorted(places(fake.points))


def test_epochs_are_told_even_if_no_update_is_left_to_do(train, tmp_path, fake, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Predictor, "save", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train("run", "tracker=fake")
    record = {"tracker": "fake", "id": fake.id, "sent": [30, 0]}
    (tmp_path / "run" / "tracker.json").write_text(json.dumps(record))
    fake.points.clear()
    train("run", "tracker=fake")
    assert places(fake.points) == [(40, 1), (60, 1), (60, 2)]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"tracker": "fake", "id": 3, "sent": 4}'])
def test_a_damaged_record_begins_a_new_one(train, tmp_path, fake, content):
    with pytest.raises(Interrupted):
        train("run", "tracker=fake", watcher=Recorder(stop_after=33))
    (tmp_path / "run" / "tracker.json").write_text(content)
    assert train("run", "tracker=fake")["status"] == "completed"
    assert [told.id for told in fake.opened] == [None, None]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Interrupted(), "interrupted"),
        (Diverged(3, "norm is nan"), "diverged"),
        (UserError("bad"), "failed"),
        (ZeroDivisionError(), "failed"),
    ],
)
def test_how_a_training_ended(train, fake, monkeypatch, error, status):
    def fail(*_):
        raise error

    monkeypatch.setattr(compose, "train", fail)
    with pytest.raises(type(error)):
        train("run", "tracker=fake")
    assert fake.statuses == [status]


def test_a_missing_library_is_named_before_anything_is_done(fake, train, tmp_path, monkeypatch):
    library = Library("no-such-library", extra="some")
    monkeypatch.setattr(sys.modules["rnnlab.trackers.fake"], "LIBRARY", library)
    with pytest.raises(UserError, match=r"no-such-library .* pip install 'rnnlab\[some\]'"):
        train("run", "tracker=fake")
    assert not (tmp_path / "run").exists()


def test_the_tracker_has_no_part_in_the_identity(fake):
    plain = load_config("compositional-gru", SETTINGS)
    told = load_config("compositional-gru", [*SETTINGS, "tracker=fake"])
    dataset = compose.dataset_of(plain)
    assert identity_of(plain, dataset) == identity_of(told, dataset)
    assert "tracker" not in identity_of(told, dataset)["settings"]


def test_a_config_of_before_there_were_trackers():
    settings = parse_yaml(dump_config(load_config("table")), "table")
    assert settings.pop("tracker") is None
    assert parse_config(settings, "old") == load_config("table")


@pytest.mark.parametrize("name", TRACKERS.names)
def test_every_tracker_can_be_chosen_without_its_library(name):
    config = load_config("table", [f"tracker={name}"])
    assert config.tracker.module.SUMMARY
    again = parse_config(parse_yaml(dump_config(config), name), name)
    assert again == config
    assert load_config("table", [f"tracker={name}", "tracker=null"]).tracker is None


def test_settings_of_a_tracker():
    assert load_config("table", ["tracker=wandb", "tracker.mode=online"]).tracker.options.mode == (
        "online"
    )
    for overrides, message in [
        (["tracker=wand"], "tracker: unknown tracker 'wand'; did you mean 'wandb'?"),
        (["tracker=wandb", "tracker.mod=x"], "unknown key 'tracker.mod'; did you mean 'mode'?"),
        (["tracker.project=x"], "tracker: choose a tracker by name: mlflow, tensorboard, wandb"),
        (["tracker=mlflow", "tracker.uri=3"], "tracker.uri: "),
    ]:
        with pytest.raises(UserError) as refused:
            load_config("table", overrides)
        assert message in str(refused.value)
