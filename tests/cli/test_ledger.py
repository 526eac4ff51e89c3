"""Labelling texts of the test part counts as a use of it."""

from __future__ import annotations

import csv
import json
import shutil


def ledger(run):
    path = run.parent / "test-ledger.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def test_texts_of_the_test_part_are_entered_and_others_are_not(cli, finished, tmp_path):
    shutil.copytree(finished.run, tmp_path / "runs" / finished.run.name)
    run = tmp_path / "runs" / finished.run.name
    assert cli("predict", run, "the film was a plot that no test has").code == 0
    table = cli("predict", run, "--input", finished.table, "--output", "train.csv")
    assert "test" not in table.err
    assert ledger(run) == []
    rows = list(csv.DictReader(finished.test.read_text().splitlines()))
    result = cli("predict", run, f"  {rows[0]['review']} ", "something else", "--json")
    assert len(result.json["predictions"]) == 2
    assert "1 text(s) are in the test part" in result.err
    arguments = ("--input", finished.test, "--output", "test.csv")
    assert cli("predict", run, *arguments).code == 0
    first, second = ledger(run)
    assert (first["data"], first["run"], first["predicted"]) == ("table", run.name, 1)
    assert second["predicted"] == len(rows)
    assert second["hash"] == json.loads((run / "run.json").read_text())["hash"]


def test_a_model_folder_and_data_that_is_gone_count_nothing(cli, finished, tmp_path):
    text = next(csv.DictReader(finished.test.read_text().splitlines()))["review"]
    shutil.copytree(finished.run / "model", tmp_path / "model")
    assert cli("predict", "model", text).err == ""
    assert not (tmp_path / "test-ledger.jsonl").exists()
