"""rnnlab embed: vectors of one's own, from the command to the model that uses them."""

from __future__ import annotations

import importlib.metadata
import json

import numpy as np
import pytest

from rnnlab.data.vectors import read_vectors

SMALL = ("--dim", 8, "--epochs", 2, "--min-count", 1, "--workers", 1)


@pytest.fixture
def table(tmp_path, rows, write):
    """Thirty reviews."""
    pytest.importorskip("gensim")
    return write(tmp_path / "t.csv", rows * 4)


def test_vectors_of_a_data_set_serve_a_model_on_it(cli, tmp_path, table, tiny, caplog):
    data = ("data.path=t.csv", "data.text=review")
    result = cli("embed", "train", "--data", "table", *SMALL, *data, "--json")
    facts = result.json
    path = tmp_path / facts["vectors"]
    assert facts["vectors"] == "vectors/table-skipgram-8d-s0.bin"
    assert facts["data"]["splits"]["train"]["texts"] == 96
    assert "reading train: 96 texts (without 24 of validation)" in result.err
    assert "epoch 2/2" in result.err
    assert facts["reproducible"] is True
    assert len(facts["neighbours"]) == 4
    assert all(len(nearest) == 5 for nearest in facts["neighbours"].values())
    told = json.loads((tmp_path / f"{facts['vectors']}.json").read_text())
    assert told["sha256"] == facts["sha256"]
    run = cli(
        *("train", "table", *data, *tiny, f"model.embedding.vectors={path}"),
        *("model.embedding.frozen=true", "--out", "run", "--json"),
    )
    assert run.code == 0, run.err
    assert "warning" not in caplog.text
    kept = json.loads((tmp_path / "run" / "run.json").read_text())
    assert kept["vectors_coverage"] == {"types": 1, "tokens": 1}
    assert kept["identity"]["settings"]["model"]["embedding"]["vectors"] == facts["sha256"]


def test_vectors_that_do_not_fit_a_run_are_remarked(cli, table, tiny, caplog):
    data = ("data.path=t.csv", "data.text=review")
    cli("embed", "train", "--data", "table", *SMALL, *data, "--out", "v.bin")
    train = ("train", "table", *data, *tiny, "train.epochs=1", "model.embedding.vectors=v.bin")
    assert cli(*train, "data.tokenizer.lowercase=false").code == 0
    assert "words of another tokenizer" in caplog.text
    assert "validates on" not in caplog.text
    caplog.clear()
    assert cli(*train, "data.validation.seed=7").code == 0
    assert "words of another tokenizer" not in caplog.text
    assert "has read texts that this run validates on" in caplog.text


def test_of_a_file_for_people(cli, tmp_path, table):
    result = cli("embed", "train", "--file", "t.csv", "--text", "review", *SMALL, "--out", "v.txt")
    assert result.code == 0, result.err
    assert result.out.startswith("done in ")
    assert "race" not in result.out
    assert "vectors: v.txt" in result.out
    assert max(map(len, result.out.splitlines())) <= 80
    shown = cli("embed", "neighbours", "v.txt", "film", "Plot", "--count", 3)
    assert shown.out.count("\n") >= 8
    told = cli("embed", "neighbours", tmp_path / "v.txt", "film", "Plot", "--count", 3, "--json")
    neighbours = told.json["neighbours"]
    assert list(neighbours) == ["film", "plot"]
    words = ["film", *(one["word"] for one in neighbours["film"])]
    values = read_vectors(tmp_path / "v.txt", words).values
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    cosines = [one["cosine"] for one in neighbours["film"]]
    np.testing.assert_allclose(cosines, unit[1:] @ unit[0], atol=1e-6)
    for one in neighbours["film"]:
        assert one["word"] in shown.out
    racing = cli(
        *("embed", "train", "--file", "t.csv", "--text", "review", *SMALL),
        *("--workers", 2, "--out", "w.txt"),
    )
    assert "2 workers race" in racing.out


def test_what_embed_refuses(refused, tmp_path, table, rows, write):
    train = ("embed", "train")
    assert "--data NAME or --file PATH" in refused(*train)
    assert "--data NAME or --file PATH" in refused(*train, "--data", "imdb", "--file", "t.csv")
    assert "did you mean 'imdb'?" in refused(*train, "--data", "imbd")
    assert "--text goes with --file" in refused(*train, "--data", "imdb", "--text", "x")
    assert "--splits goes with --data" in refused(*train, "--file", "t.csv", "--splits", "train")
    assert "no column 'text'" in refused(*train, "--file", "t.csv")
    assert "absent.csv: no such file" in refused(*train, "--file", "absent.csv")
    message = refused(
        *train,
        "--data",
        "table",
        "data.path=t.csv",
        "data.text=review",
        "--splits",
        "train,val",
        after_progress=True,
    )
    assert "'val'" in message
    assert ".bin" in refused(*train, "--file", "t.csv", "--out", "v.npy")
    (tmp_path / "v.bin").write_text("x")
    assert "v.bin exists" in refused(*train, "--file", "t.csv", "--out", "v.bin")
    message = refused(
        *train, "--file", "t.csv", "--text", "review", "--min-count", 9999, after_progress=True
    )
    assert "--min-count=9999" in message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.csv", "v.bin"]


def test_what_neighbours_refuses(refused, cli, tmp_path):
    (tmp_path / "v.txt").write_text("a 1 2\nb 2 1\n")
    neighbours = ("embed", "neighbours")
    assert "no vector for 'zebra'" in refused(*neighbours, "v.txt", "a", "zebra")
    assert "there are no vectors 'absent'" in refused(*neighbours, "absent", "a")
    (tmp_path / "v.txt").write_text("a 1 2\nb 2 1 3\n")
    assert "v.txt, line 2: more than 2 values" in refused(*neighbours, "v.txt", "a")
    assert cli(*neighbours, "v.txt").code == 2


def test_words_are_never_markup(cli, tmp_path):
    (tmp_path / "v.txt").write_text("[red]a 1 2\n[/b] 2 1\n[bold]c[/bold] 1 1\n")
    shown = cli("embed", "neighbours", "v.txt", "[red]a").out
    assert "[bold]c[/bold]" in shown
    assert "[/b]" in shown


def test_without_gensim(refused, monkeypatch):
    def missing(wanted):
        raise importlib.metadata.PackageNotFoundError(wanted)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    message = refused("embed", "train", "--data", "compositional")
    assert "the library gensim is not installed: pip install 'rnnlab[embed]'" in message
