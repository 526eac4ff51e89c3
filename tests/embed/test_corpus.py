"""Which texts vectors are learned from."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rnnlab import compose
from rnnlab.config.load import load_config
from rnnlab.data.sources import Example, compositional
from rnnlab.data.vocabulary import SPECIAL
from rnnlab.embed.corpus import read_data, read_file
from rnnlab.exceptions import UserError


def texts_of(corpus) -> list[str]:
    parts = np.split(corpus.ragged.tokens, corpus.ragged.offsets[1:-1])
    return [" ".join(corpus.types[number] for number in part) for part in parts]


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def table(root):
    """Forty rows to train on, in ten groups, and four to test on."""
    rows = [{"text": f"text {n} of who{n // 4}", "label": n % 2, "who": n // 4} for n in range(40)]
    tests = [{"text": f"test {n}", "label": n % 2} for n in range(4)]
    for name, lines in (("t.jsonl", rows), ("test.jsonl", tests)):
        (root / name).write_text("".join(json.dumps(row) + "\n" for row in lines))
    return ("table", ["data.path=t.jsonl", "data.test_path=test.jsonl"])


def test_the_training_part_alone_is_read(table):
    name, overrides = table
    corpus = read_data(name, [*overrides, "data.group=who"], tokenizer=None, splits=None)
    facts = corpus.data["splits"]
    assert list(facts) == ["train"]
    assert facts["train"]["of"] == 40
    assert 28 <= facts["train"]["texts"] <= 36
    assert len(corpus.ragged) == facts["train"]["texts"]
    dataset = compose.dataset_of(load_config(name, [*overrides, "data.group=who"]))
    expected = dataset.texts("train").texts(dataset.rows("train"))
    assert texts_of(corpus) == expected
    other = read_data(name, [*overrides, "data.validation.seed=3"], tokenizer=None, splits=None)
    assert texts_of(other) != expected


def test_copies_of_held_out_texts_are_left_out_of_further_splits(monkeypatch):
    labelled = [Example(f"labelled {n}", "ab"[n % 2]) for n in range(40)]
    tests = [Example(f"test {n}", "ab"[n % 2]) for n in range(9)]
    unlabelled = [Example(one.text, None) for one in (*labelled, *tests)]
    unlabelled += [Example(f"new {n}", None) for n in range(5)]

    class Source:
        splits = ("train", "test", "unsup")
        labels = ("a", "b")
        group_kind = None
        fingerprint = {"of": "test"}  # noqa: RUF012

        def read(self, split):
            yield from {"train": labelled, "test": tests, "unsup": unlabelled}[split]

    monkeypatch.setattr(compositional, "open_source", lambda options: Source())
    corpus = read_data("compositional", [], tokenizer=None, splits=None)
    read = texts_of(corpus)
    train, further = read[:32], read[32:]
    facts = corpus.data["splits"]
    assert {name: facts[name]["texts"] for name in facts} == {"train": 32, "unsup": 37}
    assert sorted(further) == sorted([*train, *(f"new {n}" for n in range(5))])
    alone = read_data("compositional", [], tokenizer=None, splits=["unsup"])
    assert texts_of(alone) == further
    for held_out in ("val", "test", "dev"):
        with pytest.raises(UserError, match=f"'{held_out}'.*among train, unsup"):
            read_data("compositional", [], tokenizer=None, splits=["train", held_out])


def test_the_tokenizer_is_that_of_the_settings_or_the_one_named(table):
    name, overrides = table
    plain = read_data(name, overrides, tokenizer=None, splits=None)
    assert plain.tokenizer["name"] == "words"
    other = read_data(
        name, [*overrides, "data.tokenizer.lowercase=true"], tokenizer="whitespace", splits=None
    )
    assert other.tokenizer == {"name": "whitespace", "lowercase": True}


def test_subwords_are_those_of_the_model(table):
    pytest.importorskip("sentencepiece")
    name, overrides = table
    overrides = [*overrides, "data.tokenizer.size=40"]
    corpus = read_data(name, overrides, tokenizer="subwords", splits=None)
    config = load_config(name, ["data.tokenizer=subwords", *overrides])
    prepared = compose.prepare(config, compose.dataset_of(config))
    assert corpus.tokenizer["learned"] == prepared.reader.provenance()["learned"]
    assert set(corpus.types) == {*prepared.reader.vocabulary.words} - {*SPECIAL}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.txt", "\ufeffA text\r\n\nthe other"),
        ("t.csv", 'id,text\n1,A text\n2,""\n3,the other\n'),
        ("t.jsonl", '{"text": "A text"}\n{"text": null}\n{"text": "the other"}\n'),
    ],
)
def test_files(root, name, content):
    (root / name).write_text(content)
    corpus = read_file(root / name, None, "words", [])
    assert texts_of(corpus) == ["a text", "", "the other"]
    assert corpus.data["texts"] == 3
    assert corpus.tokenizer == {
        "name": "words",
        "lowercase": True,
        "html_breaks": True,
        "punctuation": "keep",
    }
    kept = read_file(root / name, None, "words", ["data.tokenizer.lowercase=false"])
    assert texts_of(kept)[0] == "A text"


@pytest.mark.parametrize(
    ("name", "content", "arguments", "part"),
    [
        ("t.txt", b"caf\xe9\n", {}, "t.txt, line 1: byte 0xe9 is not UTF-8"),
        ("t.csv", b"review\nx\n", {}, "no column 'text' among 'review'; set --text"),
        ("t.csv", b"review\nx\n", {"column": "reveiw"}, "did you mean 'review'?"),
        ("t.pdf", b"", {}, "'.pdf' is not the extension of texts"),
        (None, b"", {}, "absent.txt cannot be read"),
        ("t.txt", b"x\n", {"overrides": ["seed=1"]}, "'seed=1': with --file"),
        ("t.txt", b"x\n", {"overrides": ["data.tokenizer.lower=1"]}, "did you mean 'lowercase'?"),
        ("t.txt", b"x\n", {"tokenizer": "wrods"}, "unknown tokenizer 'wrods'"),
        ("t.txt", b"x\n", {"tokenizer": "subwords"}, "use --data"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(root, name, content, arguments, part):
    if name:
        (root / name).write_bytes(content)
    chosen = {"column": None, "tokenizer": "words", "overrides": [], **arguments}
    with pytest.raises(UserError) as refused:
        read_file(root / (name or "absent.txt"), **chosen)
    assert part in str(refused.value)
