"""rnnlab suggest: what is in a table, and commands that run."""

from __future__ import annotations

import json
import shlex
import statistics
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rnnlab import suggestion
from rnnlab.suggestion import choices


@pytest.fixture(autouse=True)
def a_moment(monkeypatch):
    """Tests do not wait for exact times."""
    monkeypatch.setattr(suggestion, "_NETWORK_SECONDS", 0.05)


@pytest.fixture
def reviews(tmp_path, rows, write) -> Path:
    """Thirty reviews, of which one is there twice and one again in capitals."""
    shouted = {**rows[0], "review": rows[0]["review"].upper() + "!"}
    return write(tmp_path / "reviews.csv", [*rows, rows[3], shouted])


def test_what_is_in_the_table(cli, reviews, rows):
    facts = cli("suggest", "reviews.csv", "--json").json
    assert (facts["file"], facts["text"], facts["label"]) == ("reviews.csv", "review", "label")
    assert facts["rows"] == 32
    assert facts["labels"] == {"bad": 10, "good": 12, "mixed": 10}
    assert facts["uneven"] is False
    lengths = [len(row["review"].split()) for row in [*rows, rows[3], rows[0]]]
    lengths[-1] += 1  # the exclamation mark
    assert facts["lengths"] == {
        "median": statistics.median(lengths),
        "p95": pytest.approx(np.percentile(lengths, 95)),
        "max": max(lengths),
    }
    assert facts["repeats"] == {"exact": 1, "normalised": 2}
    assert any(note.startswith("2 text(s) repeat others") for note in facts["notes"])


def test_every_suggestion_is_a_command_that_runs(cli, reviews):
    suggestions = cli("suggest", "reviews.csv", "--json").json["suggestions"]
    assert [item["preset"] for item in suggestions] == ["table-nb", "table", "table-mean"]
    for item in suggestions:
        assert item["seconds"] >= 0
        assert item["reason"]
        program, verb, *arguments = shlex.split(item["command"])
        assert (program, verb) == ("rnnlab", "train")
        if "epochs" in item:
            assert f"train.epochs={item['epochs']}" in arguments
            arguments.append("train.epochs=1")
        done = cli(verb, *arguments, "--json")
        assert done.code == 0, done.err
        assert done.json["val"]["examples"] == 6


def test_for_people(cli, reviews):
    result = cli("suggest", "reviews.csv")
    assert result.code == 0, result.err
    assert "reviews.csv: 32 texts in 'review', labels in 'label'" in result.out
    assert max(map(len, result.out.splitlines())) <= 80
    assert "1. words and phrases, weighted by naive Bayes: under a second" in result.out
    assert "data.path=reviews.csv data.text=review" in result.out
    folded = result.out.replace("\\\n", " ")
    (line,) = [line for line in folded.splitlines() if "table-nb" in line]
    assert cli(*shlex.split(line)[1:]).code == 0


@pytest.mark.parametrize("name", ["no", "1", "a b", "null", "it's {x}", "é", "#1"])
def test_names_that_yaml_and_the_shell_take_amiss(cli, tmp_path, rows, write, name):
    path = write(tmp_path / f"{name}.csv", [{name: r["review"], "~": r["label"]} for r in rows])
    facts = cli("suggest", path.name, "--text", name, "--label", "~", "--json").json
    assert (facts["text"], facts["label"]) == (name, "~")
    _, *arguments = shlex.split(facts["suggestions"][0]["command"])
    assert cli(*arguments).code == 0


@pytest.mark.parametrize("extension", ["tsv", "jsonl", "parquet"])
def test_every_format_of_a_table(cli, tmp_path, rows, extension):
    table = [{"Review ": row["review"], "stars": len(row["label"])} for row in rows]
    path = tmp_path / f"t.{extension}"
    if extension == "parquet":
        pq.write_table(pa.Table.from_pylist(table), path)
    elif extension == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in table))
    else:
        lines = ["\t".join(map(str, row.values())) for row in [{k: k for k in table[0]}, *table]]
        path.write_text("\n".join(lines) + "\n")
    facts = cli("suggest", path, "--json").json
    assert (facts["text"], facts["label"]) == ("Review ", "stars")
    assert facts["labels"] == {"3": 10, "4": 10, "5": 10}


@pytest.mark.parametrize(
    ("header", "options", "parts"),
    [
        (
            "id,words,y",
            [],
            ["no column is clearly that of the texts: 'id', 'words', 'y'", "--text"],
        ),
        ("text,words,y", [], ["no column is clearly that of the labels", "--label"]),
        ("review,comment,label", [], ["several columns could hold the texts: 'review', 'comment'"]),
        ("text,a,b", ["--label", "c"], ["no column 'c'", "set --label to one of them"]),
        ("text,a,b", ["--text", "txet"], ["no column 'txet'", "--text", "did you mean 'text'?"]),
        ("text,label,b", ["--label", "text"], ["data.text and data.label are both 'text'"]),
    ],
)
def test_columns_that_cannot_be_guessed(refused, tmp_path, header, options, parts):
    (tmp_path / "t.csv").write_text(f"{header}\nx,y,z\nx,y,w\n")
    message = refused("suggest", "t.csv", *options)
    for part in parts:
        assert part in message


def test_the_usual_name_wins(cli, tmp_path, rows, write):
    table = [{"text": r["review"], "comment": "", "label": r["label"], "stars": 1} for r in rows]
    write(tmp_path / "t.csv", table)
    facts = cli("suggest", "t.csv", "--json").json
    assert (facts["text"], facts["label"]) == ("text", "label")
    assert "data.text" not in facts["suggestions"][0]["command"]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("text,label\nx,1\ny,1\n", "every row of column 'label' has the label '1'"),
        ("text,label\nx,1\ny,2\n", "leaves an empty part of 2 examples"),
        ("text,label\nx,1\ny,2.5\n", "t.csv, line 3"),
        ("text,label\n", "no rows"),
    ],
)
def test_a_table_that_nothing_can_be_learned_from(refused, tmp_path, content, part):
    (tmp_path / "t.csv").write_text(content)
    assert part in refused("suggest", "t.csv")


def test_hard_tables(cli, tmp_path, write):
    rows = [{"text": f"word{n % 9} film", "label": "often"} for n in range(99)]
    rows += [{"text": "", "label": "rare"}]
    write(tmp_path / "t.csv", rows)
    facts = cli("suggest", "t.csv", "--json").json
    assert facts["uneven"] is True
    notes = " ".join(facts["notes"])
    assert "uneven labels: 'often' 99, 'rare' 1" in notes
    assert "the best epoch is chosen by macro F1" in notes
    assert "validation has no example of 'rare'" in notes
    assert "fewer than 10 examples of 'rare'" in notes
    assert "1 text(s) without words" in notes
    many = [{"text": f"cue{n % 40} film {n}", "label": f"topic {n % 40}"} for n in range(240)]
    write(tmp_path / "many.csv", many)
    facts = cli("suggest", "many.csv", "--json").json
    assert len(facts["labels"]) == 40
    assert facts["suggestions"][0]["preset"] == "table-tfidf"
    shown = cli("suggest", "many.csv")
    assert "(29 more)" in shown.out


def test_which_model_comes_first():
    def first(*facts):
        return [choice.preset for choice in choices(*facts)]

    assert first(1_999, 2, 20) == ["table-nb", "table", "table-mean"]
    assert first(2_000, 2, 20) == ["table-nb", "table", "table-mean"]
    assert first(20_000, 2, 20) == ["table", "table-nb", "table-mean"]
    assert first(20_000, 2, 270) == ["table-nb", "table", "table-mean"]
    assert first(20_000, 6, 20) == ["table", "table-tfidf", "table-mean"]
    for choice in choices(500_000, 2, 20):
        assert choice.overrides == (() if choice.preset == "table-nb" else ("train.epochs=4",))


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ((1.0, 1.5), 6.0),  # slower growth than with the tokens is a fixed cost: not believed
        ((1.0, 8.0), 8 * 4**1.5),
        ((1.0, 99.0), 99 * 4**2),
    ],
)
def test_the_time_of_a_fit_grows_with_a_power_of_the_tokens(monkeypatch, seconds, expected):
    parts = iter(zip((100, 400), seconds, strict=True))
    monkeypatch.setattr(suggestion, "_fit_part", lambda *_: next(parts))
    texts = SimpleNamespace(ragged=SimpleNamespace(tokens=range(1600)))
    found = suggestion._estimate_fit(None, SimpleNamespace(train_texts=texts))
    assert found == {"seconds": pytest.approx(expected, abs=0.05)}


def test_a_part_of_a_table_has_every_label(cli, tmp_path, write, monkeypatch):
    monkeypatch.setattr(suggestion, "_LINEAR_TOKENS", 20)
    rows = [{"text": f"word{n % 7} film", "label": "often"} for n in range(200)]
    rows += [{"text": "dull", "label": "rare"} for _ in range(3)]
    write(tmp_path / "t.csv", rows)
    assert cli("suggest", "t.csv", "--json").json["suggestions"][0]["seconds"] >= 0


def test_the_time_of_a_token_leaves_validation_and_the_first_updates_out(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(suggestion.time, "perf_counter", lambda: now[0])
    clock = suggestion._Clock()

    def update(seconds: float, tokens: int) -> None:
        now[0] += seconds
        clock.step(None, batches=1, epochs=1, tokens=tokens, loss=0.0)

    update(9.0, 1)
    assert clock.token_seconds == 9
    update(9.0, 1)
    assert not clock.is_over()
    update(1.0, 10)
    now[0] += 100
    clock.epoch(None)
    update(2.0, 20)
    assert clock.token_seconds == 0.1
    assert clock.is_over()
