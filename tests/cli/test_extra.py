"""Texts that a model has labelled, and a training that learns from them too."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from rnnlab.data.tables import open_table

LABELS = ("good", "bad", "mixed")


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def values(table, column):
    return [value for chunk in open_table(table).chunks() for value in chunk.values(column)]


def path_of(result):
    assert result.code == 0, result.err
    (line,) = [line for line in result.out.splitlines() if line.startswith("run: ")]
    return Path(line.removeprefix("run: "))


@pytest.fixture(scope="module")
def held_out(finished, tools):
    """Texts of the finished run's validation part."""
    result = tools.run(
        "predict", finished.run, "--split", "val", "--output", finished.run.parent / "val.csv"
    )
    assert result.code == 0, result.err
    return read(finished.run.parent / "val.csv")


@pytest.fixture(scope="module")
def extra(finished, tools, held_out, tmp_path_factory):
    """Forty further reviews, of which one is a copy of a validation text and one of a test text."""
    rows = tools.rows(40, seed=9)
    rows[3]["review"] = f" {held_out[0]['text']}  "
    rows[7]["review"] = read(finished.test)[5]["review"]
    return tools.write(tmp_path_factory.mktemp("extra") / "more.csv", rows)


@pytest.fixture
def train(cli, finished):
    def call(*arguments):
        return cli("train", *finished.arguments, "train.epochs=1", *arguments, "--runs", "runs")

    return call


def columns(path):
    return f"data.extra.path={path}", "data.extra.text=review"


def test_a_training_reads_them_after_its_own(train, extra, tmp_path):
    plain = json.loads((path_of(train()) / "run.json").read_text())
    result = train(*columns(extra))
    run = path_of(result)
    facts = json.loads((run / "run.json").read_text())
    assert "(38 of them extra; 2 more are copies of held-out ones)" in result.err
    assert (facts["data"]["extra"]["texts"], facts["data"]["extra"]["of"]) == (38, 40)
    assert facts["train"]["examples"] == plain["train"]["examples"] + 38
    assert facts["data"]["val"] == plain["data"]["val"]
    assert facts["data"]["vocabulary"] == plain["data"]["vocabulary"]


def test_the_same_texts_elsewhere_are_the_same_run_and_others_are_another(train, extra, tmp_path):
    first = path_of(train(*columns(extra)))
    shutil.copy(extra, tmp_path / "moved.csv")
    again = train(*columns("moved.csv"))
    assert path_of(again) == first
    assert again.out.startswith("already done in ")
    (tmp_path / "moved.csv").write_text((extra.read_text().rpartition("\nr")[0]) + "\n")
    assert path_of(train(*columns("moved.csv"))) != first
    assert path_of(train()) != first


def test_a_run_finds_them_from_any_folder(cli, train, extra, tmp_path, monkeypatch):
    shutil.copy(extra, tmp_path / "more.csv")
    run = path_of(train(*columns("more.csv"))).absolute()
    assert f"path: {tmp_path / 'more.csv'}" in (run / "config.yaml").read_text()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert cli("evaluate", run).code == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("data.extra.text=rewiev",), "no column 'rewiev'"),
        (("data.extra.label=stars",), "no column 'stars'"),
        (("data.extra.path=nowhere.csv",), "nowhere.csv: no such file"),
        (("data.extra.columns=x",), "unknown key"),
    ],
)
def test_what_is_not_there_is_named(train, extra, change, message):
    result = train(*columns(extra), *change)
    assert result.code == 2
    assert message in result.err.splitlines()[-1]


def test_a_label_that_the_data_has_not_is_named_with_its_line(train, extra, tmp_path):
    text = extra.read_text().splitlines()
    text[11] = text[11].rpartition(",")[0] + ",godo"
    (tmp_path / "wrong.csv").write_text("\n".join(text) + "\n")
    result = train(*columns("wrong.csv"))
    assert result.code == 2
    assert "wrong.csv, line 12: label 'godo' is none of table" in result.err
    assert "did you mean 'good'?" in result.err


def test_a_split_is_labelled_into_a_table(cli, finished, held_out):
    predictions = pq.read_table(finished.run / "predictions" / "val.parquet").to_pydict()
    assert [int(row["row"]) for row in held_out] == predictions["row"]
    assert [row["label"] for row in held_out] == predictions["predicted"]
    for name in LABELS:
        found = [float(row[f"p_{name}"]) for row in held_out]
        assert found == pytest.approx(predictions[f"p_{name}"], abs=1e-5)
    originals = read(finished.table)
    for row in held_out:
        assert row["text"] == originals[int(row["row"])]["review"]
        assert float(row["probability"]) == max(
            float(row[f"p_{n}"]) for n in ("good", "bad", "mixed")
        )


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_texts_of_an_uncertain_label_are_left_out(cli, finished, held_out, ending):
    chances = sorted(float(row["probability"]) for row in held_out)
    middle = (chances[8] + chances[9]) / 2
    result = cli(
        *("predict", finished.run, "--split", "val", "--output", f"sure.{ending}"),
        *("--min-probability", middle, "--json"),
    )
    assert (result.json["texts"], result.json["kept"]) == (len(chances), len(chances) - 9)
    rows = values(f"sure.{ending}", "probability")
    assert len(rows) == len(chances) - 9
    assert min(map(float, rows)) >= middle


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_and_of_a_table_too(cli, finished, tmp_path, ending):
    assert (
        cli("predict", finished.run, "--input", finished.test, "--output", f"all.{ending}").code
        == 0
    )
    arguments = ("--input", finished.test, "--min-probability", "0.9")
    result = cli("predict", finished.run, *arguments, "--output", f"sure.{ending}", "--json")
    chances = [float(v) for v in values(f"all.{ending}", "probability")]
    names = values(f"all.{ending}", "id")
    assert 0 < result.json["kept"] < 30
    expected = [name for name, chance in zip(names, chances, strict=True) if chance >= 0.9]
    assert values(f"sure.{ending}", "id") == expected


def test_none_of_them_is_a_table_without_rows(cli, finished, tmp_path):
    arguments = ("--split", "val", "--output", "none.csv", "--min-probability", "1")
    assert cli("predict", finished.run, *arguments).code == 0
    assert read(tmp_path / "none.csv") == []


def test_labelling_the_test_split_is_entered_in_the_ledger(cli, finished, tmp_path):
    shutil.copytree(finished.run, tmp_path / "runs" / finished.run.name)
    run = tmp_path / "runs" / finished.run.name
    result = cli("predict", run, "--split", "test", "--output", "test.csv")
    assert "30 text(s) are in the test part; entered in the test ledger" in result.err
    (line,) = (tmp_path / "runs" / "test-ledger.jsonl").read_text().splitlines()
    assert json.loads(line)["predicted"] == 30


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--split", "vla", "--output", "x.csv"), "no split 'vla'; it has train, val, test"),
        (("--split", "val"), "--output goes with --input or --split"),
        (("--output", "x.csv"), "--output goes with --input or --split"),
        (
            ("--split", "val", "--input", "a.csv", "--output", "x.csv"),
            "--input or --split, not both",
        ),
        (("--split", "val", "--output", "x.csv", "a text"), "only one of them"),
        (("--min-probability", "0.5", "a text"), "--min-probability is for the table of --output"),
    ],
)
def test_what_does_not_go_together_is_refused(refused, finished, arguments, message):
    assert message in refused("predict", finished.run, *arguments)


def test_a_model_folder_alone_does_not_know_its_data(refused, finished, tmp_path):
    shutil.copytree(finished.run / "model", tmp_path / "model")
    error = refused("predict", "model", "--split", "val", "--output", "x.csv")
    assert "give a run directory" in error
