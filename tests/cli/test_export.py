"""rnnlab export and predict from an export: the same answers, without torch; what is refused."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rnnlab.export.predictor import ONNXRUNTIME
from rnnlab.extras import Library
from rnnlab.nn.cells import gru, lstm, rnn

# Refuses to import what an environment for predicting lacks, then runs the command.
WITHOUT_TORCH = """
import sys
REFUSED = {"torch", "onnx", "scipy", "sklearn", "matplotlib", "safetensors", "ruamel", "pooch",
           "pyarrow", "platformdirs", "pandas", "fastapi"}
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in REFUSED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Refuse())
try:
    import torch
except ModuleNotFoundError:
    from rnnlab.cli import main
    main()
"""


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def without_torch(*arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT_TORCH, *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def export(finished, tmp_path_factory) -> Path:
    from rnnlab.export.exporting import export_run

    out = tmp_path_factory.mktemp("export") / "onnx"
    export_run(finished.run, out, int8=False)
    return out


@pytest.fixture
def copy(export, tmp_path) -> Path:
    """An export that a test may damage."""
    return Path(shutil.copytree(export, tmp_path / "copy"))


def test_what_is_reported_and_where_it_goes(cli, finished, tmp_path):
    run = shutil.copytree(finished.run, tmp_path / "run")
    facts = cli("export", run, "--onnx", "--json").json
    assert facts["export"] == str(run / "onnx")
    assert facts["bytes"] == (run / "onnx" / "model.onnx").stat().st_size
    assert [item["case"] for item in facts["agreement"]] == [
        *("one token", "empty", "longest", "mixed", "validation")
    ]
    assert [item["longest"] for item in facts["agreement"][:4]] == [1, 0, 40, 40]
    assert facts["agreement"][4]["texts"] == 18
    assert all(item["difference"] <= 1e-5 for item in facts["agreement"])
    again = cli("export", run, "--onnx")
    assert again.code == 0
    assert f"exported: {run / 'onnx'}" in again.out
    assert "validation" in again.out
    assert max(map(len, again.out.splitlines()[:-2])) <= 80


def test_the_same_answers_as_the_run_without_torch(cli, finished, export, tmp_path):
    own, other = tmp_path / "own.csv", tmp_path / "other.csv"
    cli("predict", finished.run, "--input", finished.test, "--output", own)
    done = without_torch("predict", export, "--input", finished.test, "--output", other, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["texts"] == 30
    for one, two in zip(read_csv(own), read_csv(other), strict=True):
        for name, value in one.items():
            if name.startswith("p"):
                assert float(two[name]) == pytest.approx(float(value), abs=1e-5)
            else:
                assert two[name] == value
    shown = without_torch("predict", export, stdin="a great film\n\nzebra zebra\n")
    assert shown.returncode == 0
    lines = shown.stdout.splitlines()
    assert lines[:2] == cli("predict", finished.run, "a great film", "").out.splitlines()
    assert "1 text(s) without words" in shown.stderr


def test_the_hook_itself_refuses_a_run(finished):
    done = without_torch("predict", finished.run, "a text")
    assert done.returncode != 0
    assert "No module named" in done.stderr


def test_a_run_whose_graph_differs_is_not_exported(refused, monkeypatch, finished, tmp_path):
    swapped = gru.onnx(gru.Options())._replace(gates=(0, 1, 2))
    monkeypatch.setattr(gru, "onnx", lambda options: swapped)
    wrong = lstm.onnx(lstm.Options())._replace(gates=(0, 1, 2, 3))
    monkeypatch.setattr(lstm, "onnx", lambda options: wrong)
    message = refused("export", finished.run, "--onnx", "--out", tmp_path / "wrong")
    assert "onnxruntime and torch differ by" in message
    assert not (tmp_path / "wrong").exists()


def test_a_cell_without_an_operator(refused, monkeypatch, finished, tmp_path):
    for cell in (gru, lstm, rnn):
        monkeypatch.delattr(cell, "onnx")
    message = refused("export", finished.run, "--onnx", "--out", tmp_path / "none")
    assert "has no operator in ONNX; rnn, lstm and gru have" in message
    assert not (tmp_path / "none").exists()


def test_eight_bits_and_what_they_cost(cli, finished, tmp_path):
    out = tmp_path / "small"
    facts = cli("export", finished.run, "--onnx", "--int8", "--out", out, "--json").json
    measured = facts["int8"]
    assert measured["examples"] == 18
    val = json.loads((finished.run / "run.json").read_text())["val"]
    assert measured["float32"]["accuracy"] == pytest.approx(val["accuracy"])
    assert 0 < measured["largest_change"] < 0.2
    assert measured["changed"] >= measured["lost"] + measured["won"]
    assert "8-bit weights on 18 validation texts: accuracy" in (out / "README.md").read_text()
    row = cli("predict", out, "a great film", "--json").json["predictions"][0]
    whole = cli("predict", finished.run, "a great film", "--json").json["predictions"][0]
    changes = [
        abs(row["probabilities"][name] - value) for name, value in whole["probabilities"].items()
    ]
    assert 1e-7 < max(changes) < 0.2


def test_a_linear_model_and_subwords(cli, finished, tmp_path):
    for chosen in (["model=tfidf", "model.min_texts=1"], ["model=nb", "data.tokenizer=subwords"]):
        table = ("table", f"data.path={finished.table}", "data.text=review", *chosen)
        small = ("data.tokenizer.size=60",) if "data.tokenizer=subwords" in chosen else ()
        run = cli("train", *table, *small, "--json").json["run"]
        out = tmp_path / chosen[0]
        assert cli("export", run, "--onnx", "--out", out).code == 0
        texts = [row["review"] for row in read_csv(finished.test)]
        one, two = (cli("predict", where, *texts, "--json").json for where in (run, out))
        for left, right in zip(one["predictions"], two["predictions"], strict=True):
            np.testing.assert_allclose(
                list(left["probabilities"].values()),
                list(right["probabilities"].values()),
                atol=1e-5,
            )
    assert (tmp_path / "model=nb" / "tokenizer.model").is_file()


def test_the_model_card(export, finished):
    card = (export / "README.md").read_text()
    facts = json.loads((finished.run / "run.json").read_text())
    for part in (
        f"# {finished.run.name}",
        "3 labels (bad, good, mixed)",
        "| model.encoder.hidden | 8 |",
        f"SHA-256 of texts, labels and groups `{facts['identity']['data']}`",
        f"| val | 18 | {facts['val']['accuracy']:.4f}".replace(" 0.", " ."),
        "was chosen on validation",
        "ONNX Runtime",
        "only 40 tokens are read, half of them from the start",
        "## Limits",
    ):
        assert part in card


@pytest.mark.parametrize(
    ("status", "message"),
    [("running", "the run is not finished (running)"), ("diverged", "is not finished (diverged)")],
)
def test_a_run_that_is_not_finished(refused, finished, tmp_path, status, message):
    run = shutil.copytree(finished.run, tmp_path / "run")
    facts = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**facts, "status": status}))
    assert message in refused("export", run, "--onnx")


def test_what_is_no_run(refused, finished, export, tmp_path):
    assert "no such run directory" in refused("export", tmp_path / "absent", "--onnx")
    (tmp_path / "empty").mkdir()
    assert "not a run directory" in refused("export", tmp_path / "empty", "--onnx")
    assert "is an export already" in refused("export", export, "--onnx")
    run = shutil.copytree(finished.run, tmp_path / "run")
    shutil.rmtree(run / "model")
    assert "no trained model here" in refused("export", run, "--onnx")
    assert "name the format" in refused("export", finished.run)


def test_a_language_model_and_an_ensemble(cli, refused, finished, tmp_path):
    (tmp_path / "text.txt").write_text("the cat sees the dog\n" * 30)
    small = ("threads=1", "model.embedding.dim=4", "model.encoder.hidden=4", "train.epochs=1")
    stream = (f"data.path={tmp_path / 'text.txt'}", "train.batch_size=2", "train.stream.window=5")
    run = cli("train", "lines", *small, *stream, "--json").json["run"]
    assert "only classifiers are exported" in refused("export", run, "--onnx")
    folder = tmp_path / "ensemble"
    folder.mkdir()
    (folder / "ensemble.json").write_text("{}")
    assert "export its members" in refused("export", folder, "--onnx")


def test_a_folder_that_holds_something_else(refused, finished, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    assert "holds something else" in refused(
        "export", finished.run, "--onnx", "--out", tmp_path / "mine"
    )
    (tmp_path / "file").write_text("")
    assert "is a file" in refused("export", finished.run, "--onnx", "--out", tmp_path / "file")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_int8_needs_matrices(cli, refused, finished):
    table = ("table", f"data.path={finished.table}", "data.text=review", "model=majority")
    run = cli("train", *table, "--json").json["run"]
    message = refused("export", run, "--onnx", "--int8", after_progress=True)
    assert "a model of kind 'majority' has none" in message


def test_int8_needs_the_validation_texts_and_float32_does_not(
    cli, refused, caplog, finished, tmp_path
):
    run = shutil.copytree(finished.run, tmp_path / "run")
    config = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(config.replace(str(finished.table), "gone.csv"))
    result = cli("export", run, "--onnx")
    assert result.code == 0
    assert "note: compared on random tokens alone" in caplog.text
    assert "gone.csv" in refused("export", run, "--onnx", "--int8")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model.onnx", "model.onnx: not the file that was exported"),
        ("vocabulary.json", "vocabulary.json: not the file that was exported"),
        ("export.json", "the export is damaged"),
    ],
)
def test_a_damaged_export(refused, copy, name, message):
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 255
    (copy / name).write_bytes(bytes(data))
    assert message in refused("predict", copy, "a text")


def test_an_incomplete_or_foreign_export(refused, copy):
    facts = json.loads((copy / "export.json").read_text())
    (copy / "export.json").write_text(json.dumps({**facts, "format": 99}))
    assert "another version of rnnlab" in refused("predict", copy, "a text")
    (copy / "export.json").write_text("[]")
    assert "the export is damaged" in refused("predict", copy, "a text")
    (copy / "export.json").write_text(json.dumps(facts))
    (copy / "vocabulary.json").unlink()
    assert "the export lacks vocabulary.json" in refused("predict", copy, "a text")


def test_without_the_library(refused, monkeypatch, export, finished, tmp_path):
    def missing(self: Library, module: str = "") -> None:
        raise self._missing()

    monkeypatch.setattr(Library, "load", missing)
    message = refused("predict", export, "a text")
    assert message == f"error: {ONNXRUNTIME._missing()}"
    assert "pip install 'rnnlab[onnx]'" in message
    assert "rnnlab[onnx]" in refused("export", finished.run, "--onnx", "--out", tmp_path / "x")


def test_an_unreadable_table(refused, export, tmp_path):
    (tmp_path / "texts.csv").write_bytes(b"review\n\xff\xfe\n")
    arguments = ("--input", tmp_path / "texts.csv", "--output", tmp_path / "out.csv")
    message = refused("predict", export, *arguments)
    assert "texts.csv, line 2" in message
    assert not (tmp_path / "out.csv").exists()
    (tmp_path / "texts.csv").write_text("wrong\na\n")
    assert "no column 'review'" in refused("predict", export, *arguments)
