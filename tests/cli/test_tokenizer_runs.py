"""Runs whose tokenizer learned something or needs a library: saved, copied, damaged, predicting."""

from __future__ import annotations

import importlib.metadata
import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from rnnlab.registry import TOKENIZERS

SUBWORDS = ("data.tokenizer=subwords", "data.tokenizer.size=120")


@pytest.fixture
def table(tmp_path, rows, write):
    """The arguments that train on thirty reviews, with another thirty to test on."""
    path = write(tmp_path / "t.csv", rows)
    test = write(tmp_path / "test.csv", rows[::-1])
    return ("table", f"data.path={path}", f"data.test_path={test}", "data.text=review")


@pytest.fixture
def run(cli, tmp_path, table, tiny):
    """A run with subwords."""
    pytest.importorskip("sentencepiece")
    result = cli("train", *table, *tiny, *SUBWORDS, "--out", "run", "--json")
    assert result.code == 0, result.err
    return tmp_path / "run"


def probabilities(result) -> np.ndarray:
    rows = [list(one["probabilities"].values()) for one in result.json["predictions"]]
    return np.array(rows)


def test_the_pieces_travel_with_the_model(cli, tmp_path, run, rows):
    val = pq.read_table(run / "predictions" / "val.parquet").to_pylist()
    texts = [rows[row["row"]]["review"] for row in val]
    whole = cli("predict", run, *texts, "--json")
    expected = [[row[f"p_{name}"] for name in ("bad", "good", "mixed")] for row in val]
    np.testing.assert_allclose(probabilities(whole), expected, rtol=0, atol=1e-5)
    shutil.copytree(run / "model", tmp_path / "alone")
    assert cli("predict", tmp_path / "alone", *texts, "--json").json == whole.json
    words = json.loads((run / "model" / "vocabulary.json").read_text())
    assert any(word.startswith("▁") for word in words)


def test_evaluation_reads_by_the_pieces_of_the_model(cli, tmp_path, run, write, rows):
    before = cli("evaluate", run, "--split", "test", "--json").json
    write(tmp_path / "t.csv", [{**row, "review": "quite other words"} for row in rows])
    after = cli("evaluate", run, "--split", "test", "--json").json
    for key in ("accuracy", "loss", "texts"):
        assert after[key] == before[key]


def test_the_same_run_has_the_same_pieces_and_says_where_they_are_from(cli, run, table, tiny):
    facts = json.loads((run / "run.json").read_text())
    assert facts["tokenizer"]["sentencepiece"] == importlib.metadata.version("sentencepiece")
    assert len(facts["tokenizer"]["learned"]) == 64
    assert facts["tokenizer"]["learned"] not in json.dumps(facts["identity"])
    twin = cli("train", *table, *tiny, *SUBWORDS, "--out", "twin", "--json").json["run"]
    for name in ("tokenizer.model", "vocabulary.json", "weights.safetensors"):
        assert (run.parent / twin / "model" / name).read_bytes() == (
            run / "model" / name
        ).read_bytes()


def test_texts_of_another_language_are_reported(cli, tmp_path, run):
    result = cli("predict", run, "日本語のテキスト。", "😀 🎬", "--json")
    assert result.json["coverage"] == 0
    assert "warning: 100% of the tokens are unknown to the model" in result.err
    (tmp_path / "in.csv").write_text("review\n日本語\nとても良い。\n")
    result = cli("predict", run, "--input", "in.csv", "--output", "out.csv", "--json")
    assert result.json["coverage"] == 0
    assert "unknown to the model" in result.err
    result = cli("predict", run, "the film was great", "--json")
    assert result.json["coverage"] == 1
    assert result.err == ""
    assert cli("predict", run, "", "--json").err.count("warning") == 0


def test_damaged_pieces_are_named(refused, run):
    path = run / "model" / "tokenizer.model"
    whole = path.read_bytes()
    for damaged in (b"", whole[:-1], whole[:50] + b"x" + whole[51:]):
        path.write_bytes(damaged)
        message = refused("predict", run, "a text")
        assert "model/tokenizer.model: not the file that was saved" in message
    path.unlink()
    assert "no tokenizer.model" in refused("predict", run, "a text")


def test_a_stopped_run_does_not_go_on_with_other_tokens(cli, refused, run):
    facts = json.loads((run / "run.json").read_text())
    facts |= {"status": "interrupted", "tokenizer": {**facts["tokenizer"], "learned": "0" * 64}}
    (run / "run.json").write_text(json.dumps(facts))
    message = refused("train", "--resume", run, after_progress=True)
    assert "cannot go on" in message
    assert "learned was 0000" in message


def test_another_version_of_the_library_is_remarked(cli, run, caplog):
    path = run / "model" / "model.json"
    settings = json.loads(path.read_text())
    settings["tokenizer_provenance"]["sentencepiece"] = "0.0.1"
    path.write_text(json.dumps(settings))
    assert cli("predict", run, "the film was great").code == 0
    assert "trained with sentencepiece 0.0.1, here is" in caplog.text


@pytest.mark.parametrize("name", ["treebank", "spacy"])
def test_tokenizers_of_libraries_make_the_round(cli, tmp_path, table, name):
    library = TOKENIZERS.load(name).LIBRARY.name
    pytest.importorskip(library)
    arguments = (*table, "model=nb", f"data.tokenizer={name}")
    run = cli("train", *arguments, "--out", "run", "--json").json["run"]
    facts = json.loads((tmp_path / run / "run.json").read_text())
    assert facts["tokenizer"] == {library: importlib.metadata.version(library)}
    result = cli("predict", run, "It wasn't great.", "--json")
    assert result.json["tokens"] == 5


@pytest.mark.parametrize("name", ["treebank", "spacy", "subwords"])
def test_a_missing_library_is_one_line(refused, monkeypatch, table, name):
    library = TOKENIZERS.load(name).LIBRARY

    def missing(wanted):
        raise importlib.metadata.PackageNotFoundError(wanted)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    message = refused("train", *table, "model=nb", f"data.tokenizer={name}")
    assert f"the library {library.name} is not installed" in message
    assert f"pip install 'rnnlab[{library.extra}]'" in message


def test_options_of_another_tokenizer_are_refused(refused):
    message = refused("show", "table", *SUBWORDS, "data.tokenizer.sze=9")
    assert "unknown key 'data.tokenizer.sze'; did you mean 'size'?" in message
    message = refused("show", "table", "data.tokenizer=subwords", "data.tokenizer.method=wordpiece")
    assert "data.tokenizer.method" in message
    assert "'bpe' or 'unigram'" in message
    assert "data.tokenizer.size" in refused(
        "show", "table", "data.tokenizer=subwords", "data.tokenizer.size=0"
    )
