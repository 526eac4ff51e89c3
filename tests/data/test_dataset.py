"""A data set as training sees it: parts, labels, vocabulary, the hash of its content."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rnnlab import compose
from rnnlab.config.load import load_config
from rnnlab.data.vocabulary import SPECIAL
from rnnlab.exceptions import UserError
from rnnlab.files import sha256_json
from rnnlab.identity import identity_hash, identity_of

WORDS = ["good", "bad", "film", "plot", "<pad>", "It's"]


def make_rows(count: int = 60) -> list[dict]:
    chance = np.random.default_rng(5)
    return [
        {
            "text": " ".join(
                [*chance.choice(WORDS, chance.integers(0, 9)), f"only{n}"][n % 7 == 0 :]
            ),
            "label": ["4", 4.0, "2"][n % 3],
            "film": None if n % 10 == 9 else f"film {n // 4}",
        }
        for n in range(count)
    ]


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """Open a data set of rows: opened(rows, overrides...) -> (config, dataset)."""
    monkeypatch.setenv("RNNLAB_CACHE", str(tmp_path / "cache"))

    def write(name, rows):
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    def run(rows, *overrides, **others):
        paths = [f"data.{key}_path={write(f'{key}.jsonl', o)}" for key, o in others.items()]
        path = write("train.jsonl", rows)
        config = load_config("table", [f"data.path={path}", *paths, *overrides])
        return config, compose.dataset_of(config)

    return run


def test_train_and_validation_share_the_table_out(opened):
    rows = make_rows()
    _, dataset = opened(rows)
    assert dataset.splits == ("train", "val")
    assert dataset.labels == ("2", "4")
    train, val = dataset.tokens("train"), dataset.tokens("val")
    assert sorted([*train.rows, *val.rows]) == list(range(60))
    assert np.bincount(val.labels).tolist() == [4, 8]
    for part in (train, val):
        assert len(part) == len(part.ragged) == len(part.labels)
        for position, row in enumerate(part.rows):
            start, end = part.ragged.offsets[position : position + 2]
            found = [part.types[number] for number in part.ragged.tokens[start:end]]
            text = rows[row]["text"].lower().replace("<pad>", "< pad >")
            assert found == text.split()
            assert dataset.labels[part.labels[position]] == str(int(rows[row]["label"]))


def test_the_cut_does_not_hang_on_the_seed_of_the_run(opened):
    cuts = {
        overrides: opened(make_rows(), *overrides)[1].rows("val").tolist()
        for overrides in ((), ("seed=9",), ("data.validation.seed=9",))
    }
    assert cuts[()] == cuts[("seed=9",)] != cuts[("data.validation.seed=9",)]


def test_whole_groups_are_cut(opened):
    rows = make_rows()
    chosen = ("data.group=film", "data.validation.by=film")
    _, dataset = opened(rows, *chosen)
    films = [{rows[row]["film"] for row in dataset.rows(split)} for split in ("train", "val")]
    assert films[0] & films[1] <= {None}
    assert 0.1 < len(dataset.rows("val")) / 60 < 0.3
    with pytest.raises(UserError, match=r"validation\.by: table has no groups 'movie'"):
        opened(rows, "data.group=film", "data.validation.by=movie")


def test_a_selection_takes_all_that_belongs_to_an_example(opened):
    _, dataset = opened(make_rows(), "data.group=film", "data.validation.by=film")
    part = dataset.tokens("train")
    chosen = np.array([7, 0, 3])
    some = part.select(chosen)
    for name in ("labels", "rows", "groups"):
        assert getattr(some, name).tolist() == getattr(part, name)[chosen].tolist()
    assert [len(some), len(some.ragged)] == [3, 3]


def test_a_validation_table_leaves_train_whole(opened):
    _, dataset = opened(make_rows(), validation=make_rows(6), test=make_rows(9))
    assert dataset.splits == ("train", "val", "test")
    assert [len(dataset.tokens(split)) for split in dataset.splits] == [60, 6, 9]


def test_the_vocabulary_knows_the_training_part_only(opened):
    config, dataset = opened(make_rows(), test=[{"text": "unheard good", "label": 2}])
    prepared = compose.prepare(config, dataset)
    texts = dataset.texts("train")
    tokenize = config.data.tokenizer.module.build(config.data.tokenizer.options)
    in_train = {w for text in texts.texts(prepared.train.rows) for w in tokenize(text)}
    in_val = {w for text in texts.texts(prepared.val.rows) for w in tokenize(text)}
    assert set(prepared.reader.vocabulary.words) == in_train | set(SPECIAL)
    assert len(in_val - in_train) >= 5
    assert prepared.train_texts.facts()["coverage"] == 1
    assert prepared.val_texts.facts()["coverage"] < 1
    test = dataset.tokens("test")
    encoded = prepared.reader.encode(test.ragged, test.types)
    assert encoded.ragged.tokens.tolist() == [1, prepared.reader.vocabulary.index["good"]]


@pytest.mark.parametrize("settings", [(), ("data.max_tokens=3", "data.truncation=head_and_tail")])
@pytest.mark.parametrize("tokenizer", ["words", "whitespace"])
def test_new_texts_are_read_as_those_of_the_table(opened, tokenizer, settings):
    config, dataset = opened(make_rows(), f"data.tokenizer={tokenizer}", *settings)
    prepared = compose.prepare(config, dataset)
    for part, encoded in (
        (prepared.train, prepared.train_texts),
        (prepared.val, prepared.val_texts),
    ):
        read = prepared.reader.read(dataset.texts("train").texts(part.rows))
        np.testing.assert_array_equal(read.ragged.tokens, encoded.ragged.tokens)
        np.testing.assert_array_equal(read.ragged.offsets, encoded.ragged.offsets)
        assert read.facts() == encoded.facts()


def test_the_content_hash_follows_what_training_reads(opened):
    rows = make_rows()
    known = opened(rows)[1].content_hash
    assert opened(rows, test=rows[:5])[1].content_hash == known
    assert opened([{**row, "extra": 1} for row in rows])[1].content_hash == known
    assert opened(rows, validation=rows[:5])[1].content_hash != known
    for key, value in (("text", "another"), ("label", 2)):
        changed = [{**rows[0], key: value}, *rows[1:]]
        assert opened(changed)[1].content_hash != known
    assert opened([rows[1], rows[0], *rows[2:]])[1].content_hash != known


def test_labels_are_asked_for_by_name(opened):
    _, dataset = opened(make_rows(), test=[{"text": "x", "label": 4}, {"text": "y", "label": 7}])
    with pytest.raises(UserError, match=r"test\.jsonl, line 2: label '7'.*known: 2, 4"):
        dataset.tokens("test")
    assert dataset.tokens("test", ("7", "2", "4")).labels.tolist() == [2, 0]
    with pytest.raises(UserError, match="no split 'dev'; it has train, val, test"):
        dataset.tokens("dev")


def test_a_bad_row_leaves_nothing_in_the_cache(opened, tmp_path):
    rows = make_rows()
    rows[50]["label"] = 1.5
    _, dataset = opened(rows)
    with pytest.raises(UserError, match=r"line 51, column 'label'"):
        dataset.tokens("train")
    left = [path for path in (tmp_path / "cache" / "texts").iterdir() if path.suffix != ".lock"]
    assert left == []


@pytest.mark.parametrize(
    ("overrides", "digest"),
    [
        ((), "95eabb2c92582707"),
        (("data.group=who", "data.validation.fraction=0.3"), "806f077f3e5e63f4"),
        (("model=nb", "data.validation_path={train}"), "2f35a010d25da40b"),
    ],
)
def test_settings_of_old_runs_are_told_apart_as_before(tmp_path, overrides, digest):
    """What came later (folds, parts of train) leaves the identity of a config without it alone."""
    path = tmp_path / "train.csv"
    rows = [f"text {n},{'ab'[n % 2]},{n // 4}\n" for n in range(40)]
    path.write_text("".join(["text,label,who\n", *rows]))
    given = [override.replace("{train}", str(path)) for override in overrides]
    config = load_config("table", [f"data.path={path}", *given])
    settings = identity_of(config, compose.dataset_of(config))["settings"]
    assert sha256_json(settings)[:16] == digest


@pytest.mark.parametrize("own_validation", [False, True])
def test_folds_and_parts_of_train_are_in_the_identity_of_configs_with_them(opened, own_validation):
    others = {"validation": make_rows(6)} if own_validation else {}
    hashes = set()
    cuts = (
        (),
        ("data.validation.fold={number: 1, of: 3}",),
        ("data.validation.fold={number: 2, of: 3}",),
        ("data.validation.fold={number: 1, of: 4}",),
        ("data.subset={fraction: 0.5}",),
        ("data.subset={fraction: 0.6}",),
        ("data.subset={fraction: 0.5, seed: 1}",),
        ("data.subset={fraction: 0.5}", "data.validation.fold={number: 1, of: 3}"),
    )
    for overrides in cuts:
        config, dataset = opened(make_rows(), *overrides, **others)
        hashes.add(identity_hash(identity_of(config, dataset)))
    assert len(hashes) == len(cuts)
