"""`rnnlab data stats` and `data check`: figures that can be counted by hand."""

from __future__ import annotations

import pytest

TRAIN = [
    ("A good film !", "4"),
    ("a GOOD film!", "4.0"),
    ("A good film !", "4"),
    ("bad", "2"),
    ("not good<br />at all", "2"),
    ("", "2"),
    ("so bad it is good", "4"),
    ("bad bad", "2"),
]
TEST = [("Bad.", "2"), ("unheard of", "4"), ("not good at all", "2"), ("bad", "2")]


@pytest.fixture
def table(tmp_path, write):
    """Overrides for a table of eight texts with a test table of four."""
    for name, rows in (("train", TRAIN), ("test", TEST)):
        write(tmp_path / f"{name}.csv", [{"text": t, "label": y} for t, y in rows])
    return ("data.path=train.csv", "data.test_path=test.csv", "data.validation.fraction=0.25")


def test_stats(cli, table):
    facts = cli("data", "stats", "table", *table, "--json").json
    assert facts["labels"] == ["2", "4"]
    train, test = facts["splits"]["train"], facts["splits"]["test"]
    assert list(facts["splits"]) == ["train", "test"]
    assert (train["examples"], test["examples"]) == (8, 4)
    assert train["labels"] == {"4": 4, "2": 4}
    assert test["labels"] == {"2": 3, "4": 1}
    assert train["tokens"] == 4 + 4 + 4 + 1 + 4 + 0 + 5 + 2
    assert train["types"] == 11  # a good film ! bad not at all so it is
    assert train["length"] == {"mean": 3.0, "median": 4.0, "min": 0, "max": 5}
    assert test["tokens"] == 2 + 2 + 4 + 1
    assert facts["tokenizer"] == "words"


def test_stats_of_what_a_preset_sees(cli, table):
    facts = cli("data", "stats", "table", *table, "data.max_tokens=3", "--json").json["preset"]
    parts = facts["splits"]
    assert {name: part["examples"] for name, part in parts.items()} == {
        "train": 6,
        "val": 2,
        "test": 4,
    }
    assert parts["train"]["coverage"] == 1
    assert parts["test"]["cut_texts"] == 1 / 4
    assert parts["test"]["cut_tokens"] == pytest.approx(1 / 9)
    few = cli("data", "stats", "table", *table, "data.vocabulary.max_size=1", "--json").json
    assert few["preset"]["vocabulary"] == 3
    assert few["preset"]["splits"]["train"]["coverage"] < 1


def test_stats_for_people(cli, table):
    shown = cli("data", "stats", "table", *table).out
    assert "table: tokens by 'words'" in shown
    assert "vocabulary of the training part" in shown


def test_check(cli, table):
    facts = cli("data", "check", "table", *table, "--json").json
    assert facts["repeats"] == {"train": 1, "test": 0}
    assert facts["overlap"] == {"train_test": 1}
    assert facts["normalised"]["repeats"] == {"train": 2, "test": 1}
    assert facts["normalised"]["overlap"] == {"train_test": 2}
    shown = cli("data", "check", "table", *table).out
    assert "texts in both train and test" in shown


def test_a_data_set_without_a_preset(cli):
    facts = cli("data", "stats", "compositional", "--json").json
    assert "preset" not in facts
    assert all(split["examples"] for split in facts["splits"].values())


def test_stats_of_the_treebank(cli, data_folder):
    if not (data_folder / "trainDevTestTrees_PTB.zip").is_file():
        pytest.skip("the treebank is not in RNNLAB_DATA")
    facts = cli("data", "stats", "sst5-rnn-random", "--json").json
    assert {name: split["examples"] for name, split in facts["splits"].items()} == {
        "train": 8544,
        "val": 1101,
        "test": 2210,
    }
    counts = {name: list(split["labels"].values()) for name, split in facts["splits"].items()}
    assert [facts["splits"]["test"]["labels"][label] for label in facts["labels"]] == [
        *(279, 633, 389, 510, 399)
    ]
    assert sum(counts["train"]) == 8544
    assert facts["splits"]["train"]["length"]["max"] == 52
    assert facts["preset"]["vocabulary"] == 18280
    assert facts["preset"]["splits"]["train"]["coverage"] == 1
    check = cli("data", "check", "sst5", "--json").json
    assert set(check["repeats"]) == {"train", "val", "test"}
    assert set(check["overlap"]) == {"train_val", "train_test", "val_test"}
    for name, count in check["overlap"].items():
        assert check["normalised"]["overlap"][name] >= count
