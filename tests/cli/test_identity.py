"""Which runs are the same run: asked again it is reported, changed it is another."""

from __future__ import annotations

import csv
import re

import pytest


@pytest.fixture
def again(cli, finished):
    """Train with further arguments into the runs of the finished one."""

    def run(*arguments, **environment):
        given = ("train", *finished.arguments, *arguments)
        return cli(*given, "--runs", finished.run.parent)

    return run


def directory(result) -> str:
    assert result.code == 0, result.err
    return re.search(r"^run: (.+)$", result.out, re.MULTILINE)[1]


def hash8(path) -> str:
    return re.fullmatch(r".*/table-([0-9a-f]{8})-s\d+", str(path))[1]


def test_a_finished_run_is_reported_not_repeated(cli, again, finished):
    weights = finished.run / "model" / "weights.safetensors"
    facts = finished.run / "run.json"
    before = weights.stat().st_mtime_ns, facts.read_bytes()
    result = again()
    assert directory(result) == str(finished.run)
    assert result.out.startswith("already done in ")
    assert result.err == ""
    resumed = cli("train", "--resume", finished.run, "--json")
    assert resumed.json == finished.result.json
    assert (weights.stat().st_mtime_ns, facts.read_bytes()) == before


@pytest.mark.parametrize(
    "change",
    [
        *("threads=2", "train.checkpoint_seconds=1", "summary=another", "device=cpu"),
        "train.metric=accuracy",  # what "auto" is for even labels
    ],
)
def test_what_does_not_touch_the_result_is_the_same_run(again, finished, change):
    result = again(change)
    assert directory(result) == str(finished.run)
    assert result.out.startswith("already done in ")


def test_another_place_and_name_of_the_same_data_is_the_same_run(cli, tmp_path, finished, write):
    with finished.table.open(newline="") as file:
        rows = [{"y": row["label"], "text": row["review"]} for row in csv.DictReader(file)]
    write(tmp_path / "moved.csv", rows)
    changes = ("data.path=moved.csv", "data.text=text", "data.label=y", "data.test_path=null")
    result = cli("train", *finished.arguments, *changes, "--runs", finished.run.parent)
    assert directory(result) == str(finished.run)


def test_another_seed_is_another_run_of_the_same_hash(again, finished):
    path = directory(again("seed=5"))
    assert path != str(finished.run)
    assert path.endswith("-s5")
    assert hash8(path) == hash8(finished.run)


@pytest.mark.parametrize(
    "change",
    [
        "train.optimizer.lr=0.04",
        "train.epochs=1",
        "data.validation.seed=1",
        "data.tokenizer.lowercase=false",
        "model.pooling=[final]",
    ],
)
def test_what_touches_the_result_is_another_run(again, finished, change):
    result = again(change)
    assert result.out.startswith("done in ")
    path = directory(result)
    assert path.endswith("-s0")
    assert hash8(path) != hash8(finished.run)


@pytest.mark.parametrize("column", ["review", "label"])
def test_one_changed_cell_is_another_run(cli, tmp_path, finished, write, column):
    with finished.table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    rows[4][column] = rows[3][column]
    write(tmp_path / "changed.csv", rows)
    result = cli("train", *finished.arguments, "data.path=changed.csv")
    assert hash8(directory(result)) != hash8(finished.run)


def test_the_same_run_elsewhere_gives_the_same_bytes(cli, tmp_path, finished):
    assert cli("train", *finished.arguments, "--out", "twin").code == 0
    for name in ("model/weights.safetensors", "epochs.csv", "predictions/val.parquet"):
        assert (tmp_path / "twin" / name).read_bytes() == (finished.run / name).read_bytes()


def test_the_folder_of_runs_may_come_from_the_environment(cli, tmp_path, monkeypatch, finished):
    monkeypatch.setenv("RNNLAB_RUNS", str(finished.run.parent))
    assert directory(cli("train", *finished.arguments)) == str(finished.run)
    assert list(tmp_path.iterdir()) == []
    listed = cli("list", "runs", "--json").json["runs"]
    assert str(finished.run) in [run["directory"] for run in listed]
