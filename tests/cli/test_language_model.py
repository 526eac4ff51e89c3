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


def test_a_perplexity_beyond_all_numbers_has_diverged(cli, trained, tmp_path, monkeypatch):
    from rnnlab.language_predictor import LanguagePredictor
    from rnnlab.perplexity import StreamMetrics

    far = StreamMetrics(nats=8e4, tokens=100, unknown=0)  # a finite loss: 800 nats a token
    monkeypatch.setattr(LanguagePredictor, "score", lambda *_: far)
    result = cli("train", *trained[1], "--out", tmp_path / "run")
    assert result.code == 1
    assert "diverged: validation perplexity is inf at step" in result.err
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["status"] == "diverged"


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
        ("model.tide=true", ["'model.tide'", "did you mean 'tied'"]),
        ("model.embedding.typ_dropout=0.1", ["'type_dropout'"]),
        ("train.stream.tra=1", ["'train.stream.tra'", "'tar'"]),
        ("train.stream.tar=-1", ["train.stream.tar", "greater than or equal to 0"]),
        ("train.stream={window: 1, tar: 1}", ["train.stream", "tar compares", "window=1"]),
        ("train.stream.variable.least=50", ["variable.least=50", "window=12", "lower it"]),
        ("train.stream.variable.last=4", ["'train.stream.variable.last'", "'least'"]),
        ("train.average=2", ["train.average", "between 0 and 1", "non_monotone"]),
        ("train.average=true", ["train.average", "between 0 and 1"]),
        ("train.average={non_monotonic: 5}", ["'train.average.non_monotonic'", "'non_monotone'"]),
        ("train.average.non_monotone=0", ["train.average.non_monotone", "greater than 0"]),
        (
            "model={kind: language_model, tied: true, adaptive: {cutoffs: [3]}}",
            ["tied needs a full"],
        ),
        ("model.adaptive.cutoffs=[3, 2]", ["model.adaptive", "cutoffs must rise"]),
        ("model.adaptive={}", ["model.adaptive.cutoffs", "missing"]),
        ("data.path=absent.txt", ["data.path: absent.txt", "cannot be read"]),
    ],
)
def test_what_has_no_meaning_is_refused(refused, trained, change, parts):
    message = refused("train", *trained[1], change)
    assert all(part in message for part in parts), message


def test_a_cutoff_beyond_the_words_of_the_text_is_refused(refused, trained):
    arguments = ("train", *trained[1], "model.adaptive={cutoffs: [300], divide_by: 2}")
    message = refused(*arguments, after_progress=True)
    assert "model.adaptive.cutoffs: 300 is not below the vocabulary's size, 9" in message


EXTRAS = {
    "tied": (
        *("model.tied=true", "model.encoder.last_hidden=6", "model.encoder.locked=true"),
        "model.embedding={dim: 8, type_dropout: 0.1, dropout: 0.2, locked: true}",
        *("model.encoder.weight_drop=0.2", "model.encoder.dropout=0.1"),
        *("model.dropout=0.2", "model.locked=true", "train.epochs=5"),
        *("train.stream={window: 12, variable: {}, ar: 2, tar: 1}",),
        "train.optimizer={name: sgd, lr: 40}",
        "train.average={non_monotone: 1}",
    ),
    "adaptive": ("model.adaptive={cutoffs: [3, 6], divide_by: 2}",),
}


@pytest.mark.parametrize("kind", EXTRAS)
def test_tied_and_adaptive_runs_are_used_like_any_other(cli, trained, kind):
    folder, arguments = trained
    result = cli("train", *arguments, *EXTRAS[kind], "--runs", folder / "extra", "--json")
    assert result.code == 0, result.err
    run = result.json["run"]
    evaluated = cli("evaluate", run, "--window", "7", "--json").json
    assert evaluated["perplexity"] == pytest.approx(result.json["val"]["perplexity"], rel=1e-5)
    with (folder / "extra" / run / "epochs.csv").open(newline="") as file:
        best = min(float(row["val_perplexity"]) for row in csv.DictReader(file))
    assert evaluated["perplexity"] == pytest.approx(best, rel=1e-5)
    shown = cli("show", run, "--json").json["parameters"]
    facts = json.loads((folder / "extra" / run / "run.json").read_text())
    assert shown["total"] == facts["parameters"]
    adapted = cli("evaluate", run, "--adapt", "--json")
    assert adapted.code == 0, adapted.err
    assert cli("generate", run, "--prompt", "the cat", "--tokens", "5").code == 0
    assert cli("predict", run, "the cat sees", "--json").code == 0
    again = cli("train", *arguments, *EXTRAS[kind], "--runs", folder / "extra", "--json")
    assert again.json == result.json


def test_a_batch_with_more_columns_than_tokens_is_refused(refused, trained):
    message = refused("train", *trained[1], "train.batch_size=100000", after_progress=True)
    assert "train.batch_size=100000" in message


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "no words"),
        (b"fine\nbad \xff here\nfine\n", "line 2: byte 9 of the file (0xff) is not UTF-8"),
    ],
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


def test_verbs_for_labels_say_that_there_are_none(refused, trained):
    assert "data.validation.fold" in refused("cv", *trained[1], "--folds", "2")


def test_a_copy_of_the_model_folder_tells_the_same(cli, run):
    alone = run.parent / "alone"
    shutil.copytree(run / "model", alone, dirs_exist_ok=True)
    one, other = (cli("predict", place, "the cat", "--json").json for place in (run, alone))
    assert one == other


def test_a_window_is_not_for_labels(refused, finished):
    assert "--window" in refused("evaluate", finished.run, "--window", "5")


def test_a_classifier_has_no_perplexity(refused):
    message = refused("train", "compositional-gru", "train.metric=perplexity")
    assert "train.metric=perplexity" in message


def test_a_text_is_continued(cli, refused, run):
    arguments = ("generate", run, "--prompt", "the cat", "--count", "3", "--tokens", "9")
    result = cli(*arguments, "--seed", "5", "--json")
    assert result.code == 0, result.err
    texts = result.json["texts"]
    assert len(texts) == 3
    for one in texts:
        assert 0 < len(one["tokens"]) + one["ended"] <= 9
        assert one["text"] == " ".join(one["tokens"])
        assert "<unk>" not in one["tokens"]
    assert cli(*arguments, "--seed", "5", "--json").json == result.json
    shown = cli(*arguments, "--seed", "5").out
    assert all(line.startswith("the cat") for line in shown.splitlines() if line)
    assert "top-k" in refused("generate", run, "--top-k", "0")


def test_a_prompt_of_unknown_words_is_said_to_be_one(cli, run):
    result = cli("generate", run, "--prompt", "zebra unicorn")
    assert result.code == 0
    assert "every word of the prompt (zebra, unicorn)" in result.err
    assert "Traceback" not in result.err


def test_surprisals_of_a_file_add_up_to_its_perplexity(cli, refused, run, trained):
    folder = trained[0]
    result = cli(
        *("predict", run, "--input", folder / "test.txt", "--output", folder / "out.csv", "--json")
    )
    assert result.code == 0, result.err
    expected = cli("evaluate", run, "--split", "test", "--json").json
    assert result.json["tokens"] == expected["tokens"]
    assert result.json["perplexity"] == pytest.approx(expected["perplexity"], rel=1e-5)
    assert result.json["unknown"] == expected["unknown"]
    with (folder / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["text", "position", "token", "known", "bits"]
    mean = sum(float(row["bits"]) for row in rows) / len(rows)
    assert mean == pytest.approx(expected["bits_per_token"], rel=1e-5)
    lines = (folder / "test.txt").read_text().splitlines()
    found = [(row["text"], row["position"], row["token"]) for row in rows]
    assert found == [
        (str(number), str(position), token)
        for number, line in enumerate(lines, 1)
        for position, token in enumerate([*line.split(), "<eos>"], 1)
    ]
    table = folder / "rows.jsonl"
    table.write_text("".join(json.dumps({"said": line}) + "\n" for line in lines))
    same = cli(
        *("predict", run, "--input", table, "--text", "said"),
        *("--output", folder / "out.parquet", "--json"),
    ).json
    assert same["perplexity"] == result.json["perplexity"]
    empty = folder / "empty.txt"
    empty.write_text("")
    bad = folder / "bad.txt"
    bad.write_bytes(b"fine\n\xff\n")
    out = ("--output", folder / "o.csv")
    assert "no texts" in refused("predict", run, "--input", empty, *out)
    assert "line 2: byte 5 of the file" in refused("predict", run, "--input", bad, *out)
    assert "cannot be read" in refused("predict", run, "--input", folder / "none.txt", *out)


def test_surprisals_of_texts_given_here(cli, run):
    found = cli("predict", run, "the cat", "zebra", "--json").json
    tokens = [(row["text"], row["token"], row["known"]) for row in found["surprisals"]]
    assert tokens == [
        *((1, "the", True), (1, "cat", True), (1, "<eos>", True)),
        *((2, "zebra", False), (2, "<eos>", True)),
    ]
    shown = cli("predict", run, "the cat", "zebra").out
    assert "zebra (unknown)" in shown
    assert f"perplexity {found['perplexity']:.2f}" in shown


def test_other_rows_than_that_of_the_trained_model(cli, refused, run, finished):
    result = cli("evaluate", run, "--adapt", "--json").json
    rows = {row["row"]: row for row in result["adapted"]}
    assert list(rows) == ["softmax temperature", "dynamic evaluation"]
    assert rows["softmax temperature"]["perplexity"] <= result["perplexity"] * (1 + 1e-6)
    characters = sum(len(line) + 1 for line in _validation_lines(run))
    assert result["characters"] == characters
    bits = result["bits_per_token"] * result["tokens"]
    assert result["bits_per_character"] == pytest.approx(bits / characters)
    shown = cli("evaluate", run, "--adapt").out
    assert "dynamic evaluation" in shown
    assert "chosen on validation" in shown
    assert "--adapt is for language models" in refused("evaluate", finished.run, "--adapt")


def _validation_lines(run):
    lines = (run.parent.parent / "text.txt").read_text().splitlines()
    return lines[-round(0.1 * len(lines)) :]


def test_characters_are_learned_and_written(cli, tmp_path):
    write_text(tmp_path / "t.txt", 60, seed=1)
    arguments = [item for item in SMALL if "tokenizer" not in item]
    result = cli(
        *("train", "lines", "data.path=t.txt", *arguments, "data.tokenizer=characters", "--json")
    )
    assert result.code == 0, result.err
    continued = cli("generate", result.json["run"], "--prompt", "the c", "--json").json["texts"][0]
    assert continued["text"] == "".join(continued["tokens"]).replace("▁", " ").lstrip()
    joint = " " if continued["tokens"][:1] == ["▁"] else ""
    assert continued["whole"] == f"the c{joint}{continued['text']}"


def test_a_known_distribution_is_shown_beside_the_model(cli, tmp_path):
    sizes = ("data.train_size=60", "data.val_size=30", "data.test_size=40")
    result = cli("train", "grammar", *sizes, *SMALL, "--json")
    assert result.code == 0, result.err
    found = cli("evaluate", result.json["run"], "--split", "test", "--json").json
    assert found["true"]["perplexity"] < found["perplexity"]
    assert found["true"]["expected_perplexity"] == pytest.approx(3.5867, abs=1e-4)
    assert "3.59 in expectation" in " ".join(
        cli("evaluate", result.json["run"], "--split", "test").out.split()
    )


@pytest.mark.slow
def test_a_good_model_comes_near_the_true_perplexity_and_none_below_it(cli, tmp_path):
    result = cli("train", "grammar", "--json")
    assert result.code == 0, result.err
    found = cli("evaluate", result.json["run"], "--split", "test", "--json").json
    true = found["true"]["perplexity"]
    assert true < found["perplexity"] < 1.03 * true


def test_the_treebank_has_its_published_size(cli, data_folder, tmp_path):
    facts = cli("data", "stats", "ptb-lstm", "--json").json["preset"]
    assert facts["vocabulary"] == 10_000
    found = {name: part["tokens"] for name, part in facts["splits"].items()}
    assert found == {"train": 929_589, "val": 73_760, "test": 82_430}
    assert {part["coverage"] for part in facts["splits"].values()} == {1.0}
