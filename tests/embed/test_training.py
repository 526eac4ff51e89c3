"""Vectors are gensim's, come out again with one worker, and are written with a description."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys

import numpy as np
import pytest

from rnnlab.data.neighbours import nearest_words
from rnnlab.data.vector_origin import description_path
from rnnlab.data.vectors import read_vectors
from rnnlab.embed.corpus import read_file
from rnnlab.embed.training import Settings, check_target, train_vectors
from rnnlab.exceptions import UserError

gensim = pytest.importorskip("gensim")

GROUPS = [["cat", "dog", "horse", "cow"], ["red", "green", "blue", "black"]]


def settings(**changes) -> Settings:
    base = {"method": "skipgram", "dim": 12, "epochs": 3, "window": 3, "min_count": 1, "seed": 4}
    return Settings(**{**base, "workers": 1, **changes})


def write_texts(path, count: int = 400):
    chance = random.Random(0)
    lines = [" ".join(chance.choices(chance.choice(GROUPS), k=9)) for _ in range(count)]
    lines[7] = "Rare " + lines[7]
    lines[9] = ""
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def corpus(tmp_path):
    return read_file(write_texts(tmp_path / "t.txt"), None, "words", [])


def train(corpus, path, **changes):
    return train_vectors(corpus, settings(**changes), path, lambda done: None)


@pytest.mark.parametrize("method", ["skipgram", "cbow"])
def test_they_are_those_of_gensim_called_directly(tmp_path, corpus, method):
    train(corpus, tmp_path / "v.bin", method=method)
    texts = [line.lower().split() for line in (tmp_path / "t.txt").read_text().splitlines() if line]
    theirs = gensim.models.Word2Vec(
        texts,
        sg=int(method == "skipgram"),
        vector_size=12,
        epochs=3,
        window=3,
        min_count=1,
        seed=4,
        workers=1,
    ).wv
    ours = read_vectors(tmp_path / "v.bin", theirs.index_to_key)
    assert list(ours.words) == theirs.index_to_key
    np.testing.assert_array_equal(ours.values, theirs.vectors)


def test_one_worker_gives_the_same_bytes_in_any_process(tmp_path, corpus):
    script = """
import sys
from pathlib import Path
from rnnlab.embed.corpus import read_file
from rnnlab.embed.training import Settings, train_vectors
corpus = read_file(Path(sys.argv[1]), None, "words", [])
settings = Settings("skipgram", 12, 3, 3, 1, 4, 1)
for path in sys.argv[2:]:
    train_vectors(corpus, settings, Path(path), lambda done: None)
"""
    forms = ("bin", "txt.gz")
    paths = [tmp_path / f"theirs.{form}" for form in forms]
    subprocess.run(
        [sys.executable, "-c", script, tmp_path / "t.txt", *paths],
        env={"PYTHONHASHSEED": "77"},
        check=True,
    )
    for form, theirs in zip(forms, paths, strict=True):
        assert train(corpus, tmp_path / f"ours.{form}")["reproducible"] is True
        assert (tmp_path / f"ours.{form}").read_bytes() == theirs.read_bytes()
    assert (
        train(corpus, tmp_path / "c.bin", seed=5)["sha256"]
        != train(corpus, tmp_path / "d.bin", seed=6)["sha256"]
    )
    assert train(corpus, tmp_path / "e.bin", workers=2)["reproducible"] is False


def test_words_that_stand_together_lie_together(tmp_path, corpus):
    train(corpus, tmp_path / "v.bin", epochs=20)
    for group in GROUPS:
        (nearest,) = nearest_words(tmp_path / "v.bin", group[:1], 3).values()
        assert {one.word for one in nearest} == set(group[1:])


def test_rare_words_are_left_out(tmp_path, corpus):
    facts = train(corpus, tmp_path / "v.txt", min_count=2)
    assert facts["words"] == 8
    assert read_vectors(tmp_path / "v.txt", ["rare", "cat"]).words == ("cat",)
    with pytest.raises(UserError, match="--min-count=9999"):
        train(corpus, tmp_path / "w.txt", min_count=9999)
    assert not (tmp_path / "w.txt").exists()


def test_texts_longer_than_gensim_reads_are_read_to_their_end(tmp_path):
    (tmp_path / "t.txt").write_text("start " + "middle " * 25_000 + "end\n")
    corpus = read_file(tmp_path / "t.txt", None, "words", [])
    done = []
    facts = train_vectors(corpus, settings(epochs=2), tmp_path / "v.bin", done.append)
    assert facts["tokens"] == 25_002
    assert done == [1, 2]
    first = read_vectors(tmp_path / "v.bin", ["end"]).values
    train_vectors(corpus, settings(epochs=4), tmp_path / "w.bin", done.append)
    assert not np.array_equal(first, read_vectors(tmp_path / "w.bin", ["end"]).values)


def test_progress_rises_to_the_number_of_epochs(tmp_path):
    corpus = read_file(write_texts(tmp_path / "t.txt", 1800), None, "words", [])
    done = []
    train_vectors(corpus, settings(epochs=2), tmp_path / "v.bin", done.append)
    assert done == sorted(done)
    assert done[-1] == 2
    assert len([value for value in done if value != int(value)]) == 6


def test_the_description_tells_all(tmp_path, corpus):
    path = tmp_path / "new" / "v.bin"
    facts = train(corpus, path, min_count=2)
    told = json.loads(description_path(path).read_text())
    assert {**told, "vectors": str(path), "frequent": facts["frequent"]} == facts
    assert told["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert told["data"]["file"] == str(tmp_path / "t.txt")
    assert told["data"]["sha256"] == hashlib.sha256((tmp_path / "t.txt").read_bytes()).hexdigest()
    assert told["texts"] == 400
    assert told["tokens"] == 399 * 9 + 1
    assert told["settings"]["workers"] == 1
    assert told["versions"]["gensim"] == gensim.__version__
    assert told["tokenizer"]["name"] == "words"
    assert sorted(path.name for path in path.parent.iterdir()) == ["v.bin", "v.bin.json"]
    assert set(facts["frequent"]) <= {"horse", "green", "black"}


def test_where_vectors_cannot_go(tmp_path):
    (tmp_path / "v.bin").write_text("x")
    with pytest.raises(UserError, match="exists: choose another --out"):
        check_target(tmp_path / "v.bin")
    for name in ("v", "v.npy", "v.gz", "v.json"):
        with pytest.raises(UserError, match=r"one of \.txt, \.vec, \.bin"):
            check_target(tmp_path / name)
    for name in ("v.bin/below.bin", "v.bin/far/below.bin"):
        with pytest.raises(UserError, match=r"v\.bin is no folder to write into"):
            check_target(tmp_path / name)
    for name in ("v.txt", "v.vec.gz", "w.bin", "my.vectors.bin.gz"):
        check_target(tmp_path / name)
