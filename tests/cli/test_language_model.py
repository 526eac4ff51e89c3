"""Language models on the command line: train, evaluate, show, list, and what is refused."""

from __future__ import annotations

import csv
import json
import math
import random
import shutil

import pytest

from rnnlab import Run

SMALL = (
    "threads=1",
    "model.embedding.dim=8",
    "model.encoder.hidden=8",
    "train.batch_size=4",
    "train.stream.window=12",
    "train.epochs=2",
    "data.tokenizer=whitespace",
)


def write_text(path, sentences: int, seed: int, words: str = "the a cat dog sees likes runs"):
    chance = random.Random(seed)
    choices = [chance.choices(words.split(), k=chance.randint(1, 9)) for _ in range(sentences)]
    lines = [" ".join(chosen) for chosen in choices]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def trained(session_cache, tmp_path_factory):
    """A folder for runs on 150 sentences, and the arguments that make one."""
    folder = tmp_path_factory.mktemp("stream")
    text = write_text(folder / "text.txt", 150, seed=1)
    test = write_text(folder / "test.txt", 30, seed=2, words="the a cat <unk> zebra")
    arguments = ("lines", f"data.path={text}", f"data.test_path={test}", *SMALL)
    return folder, arguments


@pytest.fixture
def run(cli, trained):
    folder, arguments = trained
    result = cli("train", *arguments, "--runs", folder / "runs", "--json")
    assert result.code == 0, result.err
    return folder / "runs" / result.json["run"].rsplit("/", 1)[-1]


def test_a_run_tells_its_perplexity(cli, run, trained):
    facts = json.loads((run / "run.json").read_text())
    val = facts["val"]
    assert facts["metric"] == "perplexity"
    assert val["perplexity"] == pytest.approx(math.exp(val["loss"]))
    assert val["bits_per_token"] == pytest.approx(val["loss"] / math.log(2))
    with (run / "epochs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        *("epoch", "step", "train_loss", "train_perplexity", "val_loss", "val_perplexity")
    ]
    best = min(rows, key=lambda row: float(row["val_perplexity"]))
    assert int(best["epoch"]) == facts["best_epoch"]
    assert float(best["val_perplexity"]) == pytest.approx(val["perplexity"], rel=1e-6)
    assert (run / "plots" / "curves.png").is_file()
    done = cli("train", *trained[1], "--runs", run.parent)
    assert "already done" in done.out
    assert f"perplexity {val['perplexity']:.2f}" in done.out


def test_the_window_of_an_evaluation_changes_nothing(cli, run):
    found = [
        cli("evaluate", run, "--split", "test", "--window", window, "--json").json
        for window in (10, 35, 200)
    ]
    lines = (run.parent.parent / "test.txt").read_text().splitlines()
    tokens = sum(len(line.split()) + 1 for line in lines)
    for result in found:
        assert result["tokens"] == tokens
        assert result["perplexity"] == pytest.approx(found[0]["perplexity"], rel=1e-5)
        assert result["texts"]["coverage"] < 1
        assert result["unknown"] == result["texts"]["unknown"]
    ledger = (run.parent / "test-ledger.jsonl").read_text().splitlines()
    last = json.loads(ledger[-1])
    assert last["perplexity"] == found[-1]["perplexity"]
    assert last["data"] == "lines"
    assert len(ledger) >= 3
    shown = cli("evaluate", run, "--split", "test").out
    assert f"{tokens:,} tokens" in shown
    assert "unknown words" in shown


def test_validation_uses_no_ledger_and_agrees_with_training(cli, run):
    ledger = run.parent / "test-ledger.jsonl"
    before = ledger.read_text() if ledger.is_file() else ""
    result = cli("evaluate", run, "--json").json
    facts = json.loads((run / "run.json").read_text())
    assert result["perplexity"] == pytest.approx(facts["val"]["perplexity"], rel=1e-6)
    assert (ledger.read_text() if ledger.is_file() else "") == before


def test_a_run_is_listed_and_read_in_python(cli, run):
    listed = cli("list", "runs", "--runs", run.parent)
    assert "val perplexity" in listed.out
    row = cli("list", "runs", "--runs", run.parent, "--json").json["runs"][0]
    loaded = Run.load(run)
    assert row["perplexity"] == loaded.metrics["val"]["perplexity"]
    assert "perplexity" in repr(loaded)
    assert loaded.plot() is not None
    shown = cli("show", run, "--json").json
    assert shown["recorded"] == {"vocabulary": 9, "origin": "recorded"}
    assert shown["parameters"]["total"] == loaded.facts["parameters"]


def test_stats_count_what_the_model_sees(cli, trained):
    facts = cli("data", "stats", *trained[1], "--json").json
    assert facts["preset"]["vocabulary"] == 9
    assert facts["labels"] == []
    test = facts["preset"]["splits"]["test"]
    assert test["tokens"] == facts["splits"]["test"]["tokens"] + test["examples"]
    assert test["coverage"] < 1
    assert "unknown" in cli("data", "stats", *trained[1]).out


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ("train.label_smoothing=0", True),
        ("train.metric=perplexity", True),
        ("train.stream.window=11", False),
        ("train.stream.loss=time_sum", False),
        ("model.initial_range=0.1", False),
        ("data.val_fraction=0.2", False),
    ],
)
def test_what_makes_a_run_another_run(cli, trained, run, change, same):
    result = cli("train", *trained[1], change, "--runs", run.parent, "--json")
    assert (result.json["run"] == str(run)) is same


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ("train.metric=accuracy", ["train.metric=accuracy", "perplexity"]),
        ("train.class_weights=balanced", ["train.class_weights", "leave it out"]),
        ("train.label_smoothing=0.1", ["train.label_smoothing", "leave it out"]),
        ("train.batch_tokens=100", ["train.batch_tokens", "leave it out"]),
        ("data.max_tokens=100", ["data.max_tokens", "leave it out"]),
        ("data.validation.fold={number: 1, of: 2}", ["data.validation.fold", "leave it out"]),
        ("model=majority", ["data.source=lines", "no labels", "model.kind=language_model"]),
        ("model.encoder.bidirectional=true", ["model.encoder.bidirectional", "unknown key"]),
        ("data.path=absent.txt", ["data.path: absent.txt", "cannot be read"]),
    ],
)
def test_what_has_no_meaning_is_refused(refused, trained, change, parts):
    message = refused("train", *trained[1], change)
    assert all(part in message for part in parts), message


def test_a_batch_with_more_columns_than_tokens_is_refused(refused, trained):
    message = refused("train", *trained[1], "train.batch_size=100000", after_progress=True)
    assert "train.batch_size=100000" in message


@pytest.mark.parametrize(
    ("content", "part"),
    [(b"", "no words"), (b"fine\nbad \xff here\nfine\n", "line 2: byte 9 is not UTF-8")],
)
def test_a_text_that_cannot_be_read_is_refused(refused, tmp_path, content, part):
    (tmp_path / "t.txt").write_bytes(content)
    assert part in refused("train", "lines", "data.path=t.txt", *SMALL, after_progress=True)


def test_validation_may_be_shorter_than_a_window(cli, tmp_path):
    write_text(tmp_path / "t.txt", 40, seed=1)
    (tmp_path / "v.txt").write_text("the cat")
    arguments = ("lines", "data.path=t.txt", "data.val_path=v.txt", *SMALL)
    result = cli("train", *arguments, "train.stream.window=200", "--json")
    assert result.code == 0, result.err
    assert result.json["val"]["tokens"] == 3


def test_a_vocabulary_of_one_word_has_a_sensible_result(cli, tmp_path):
    (tmp_path / "t.txt").write_text("word\n" * 60)
    result = cli("train", "lines", "data.path=t.txt", *SMALL, "train.epochs=5", "--json")
    assert result.code == 0, result.err
    assert result.json["val"]["perplexity"] < 3


def test_verbs_for_labels_say_that_there_are_none(refused, trained, run):
    assert "language model" in refused("predict", run, "the cat")
    assert "data.validation.fold" in refused("cv", *trained[1], "--folds", "2")
    alone = run.parent / "alone"
    shutil.copytree(run / "model", alone, dirs_exist_ok=True)
    assert "language model" in refused("predict", alone, "the cat")


def test_a_window_is_not_for_labels(refused, finished):
    assert "--window" in refused("evaluate", finished.run, "--window", "5")


def test_a_classifier_has_no_perplexity(refused):
    message = refused("train", "compositional-gru", "train.metric=perplexity")
    assert "train.metric=perplexity" in message


def test_the_treebank_has_its_published_size(cli, data_folder, tmp_path):
    facts = cli("data", "stats", "ptb-lstm", "--json").json["preset"]
    assert facts["vocabulary"] == 10_000
    found = {name: part["tokens"] for name, part in facts["splits"].items()}
    assert found == {"train": 929_589, "val": 73_760, "test": 82_430}
    assert {part["coverage"] for part in facts["splits"].values()} == {1.0}
