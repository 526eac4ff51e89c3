"""Tables whose labels are many, uneven, rare or numbers: nothing is lost, and it is said."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest

WORDS = ["the", "film", "was", "a", "plot", "and", "with", "actors", "in", "it"]


@pytest.fixture
def table(tmp_path, write):
    """Write a table with so many examples of each label: table({"good": 30, "bad": 10})."""

    def make(sizes: dict[str, int], cue: str = "cue") -> str:
        chance = random.Random(4)
        rows = []
        for number, (label, size) in enumerate(sizes.items()):
            for _ in range(size):
                words = [*chance.choices(WORDS, k=5), f"{cue}{number}"]
                rows.append({"review": " ".join(words), "label": label})
        chance.shuffle(rows)
        write(tmp_path / "t.csv", rows)
        return "data.path=t.csv"

    return make


def said(result) -> str:
    """Standard error on one line."""
    assert result.code == 0, result.err
    return " ".join(result.err.split())


def facts_of(result) -> dict:
    return json.loads(Path(result.json["run"], "run.json").read_text())


def test_uneven_labels_are_named_and_the_best_epoch_is_that_of_macro_f1(cli, table, tiny):
    path = table({"good": 80, "bad": 12, "mixed": 8})
    result = cli("train", "table", path, *tiny, "--json")
    notes = said(result)
    assert "note: uneven labels: 'good' 80, 'bad' 12, 'mixed' 8; " in notes
    assert "always answering 'good' has a validation accuracy of 0.8000" in notes
    assert "the best epoch is chosen by macro F1 (train.metric)" in notes
    assert "train.class_weights=balanced may help" in notes
    assert "validation has no example" not in notes
    assert " / F1 " in notes
    assert max(map(len, result.err.splitlines())) <= 83
    facts = facts_of(result)
    assert facts["metric"] == facts["identity"]["settings"]["train"]["metric"] == "macro_f1"
    with Path(result.json["run"], "epochs.csv").open() as file:
        scores = [float(row["val_macro_f1"]) for row in csv.DictReader(file)]
    assert facts["best_epoch"] == scores.index(max(scores)) + 1
    again = cli("train", "table", path, *tiny, "train.metric=macro_f1")
    assert again.out.startswith("already done in ")


def test_what_the_user_has_chosen_is_not_suggested(cli, table, tiny):
    path = table({"good": 40, "bad": 10})
    weighed = cli("train", "table", path, *tiny, "train.class_weights=balanced", "--json")
    assert "uneven labels: 'good' 40, 'bad' 10" in said(weighed)
    assert "may help" not in said(weighed)
    chosen = cli("train", "table", path, *tiny, "train.metric=accuracy", "--json")
    assert "the best epoch is chosen by accuracy (train.metric)" in said(chosen)
    assert facts_of(chosen)["metric"] == "accuracy"
    assert chosen.json["run"] != weighed.json["run"]


def test_even_labels_are_not_remarked_on_and_select_by_accuracy(cli, table, tiny):
    path = table({"good": 30, "bad": 10, "mixed": 10})  # three times as many are even
    result = cli("train", "table", path, *tiny, "--json")
    assert "note:" not in said(result)
    assert facts_of(result)["metric"] == "accuracy"
    explicit = cli("train", "table", path, *tiny, "train.metric=accuracy", "--out", "twin")
    for name in ("epochs.csv", "model/weights.safetensors"):
        whole = Path(result.json["run"], name).read_bytes()
        assert Path("twin", name).read_bytes() == whole
    assert explicit.code == 0
    assert facts_of(result)["hash"] == json.loads(Path("twin/run.json").read_text())["hash"]


def test_few_examples_of_a_label_in_validation(cli, table, tiny):
    few = cli("train", "table", table({"good": 80, "bad": 12}), *tiny, "train.epochs=1")
    assert "validation has fewer than 5 examples of 'bad': a figure for so few is" in said(few)
    enough = cli("train", "table", table({"good": 120, "bad": 25}), *tiny, "train.epochs=1")
    assert "uneven labels" in said(enough)
    assert "fewer than" not in said(enough)


def test_a_label_that_validation_lacks(cli, table, tiny):
    path = table({"often": 198, "rare": 2})
    result = cli("train", "table", path, *tiny, "train.epochs=2", "--json")
    notes = said(result)
    assert "uneven labels: 'often' 198, 'rare' 2; always answering 'often' has" in notes
    assert "validation accuracy of 1.0000" in notes
    assert "validation has no example of 'rare', whose F1 counts as 0 there" in notes
    assert "add examples, or raise data.validation.fraction, or merge labels" in notes
    half = cli("train", "table", path, *tiny, "train.epochs=1", "data.validation.fraction=0.5")
    assert "validation has no example" not in said(half)
    evaluated = cli("evaluate", result.json["run"], "--json").json
    assert [item["support"] for item in evaluated["per_class"]] == [40, 0]


def test_a_validation_table_that_lacks_a_label(cli, table, tiny, write):
    path = table({"good": 20, "bad": 20})
    write(Path("v.csv"), [{"review": "the film", "label": "good"}])
    result = cli("train", "table", path, "data.validation_path=v.csv", *tiny, "train.epochs=1")
    assert "no example of 'bad', whose F1 counts as 0 there: add some to it" in said(result)
    assert "uneven labels of validation: 'good' 1, 'bad' 0; always answering 'good'" in said(result)


def test_the_metric_is_that_of_the_labels_which_it_measures(cli, table, tiny, write):
    path = table({"good": 40, "bad": 4})
    even = [{"review": "the film", "label": label} for label in ("good", "bad")]
    write(Path("v.csv"), even)
    arguments = ("train", "table", path, "data.validation_path=v.csv", *tiny, "train.epochs=1")
    result = cli(*arguments, "--json")
    assert "uneven labels: 'good' 40, 'bad' 4; always answering 'good'" in said(result)
    assert "validation accuracy of 0.5000 the best epoch is chosen by accuracy" in said(
        result
    ).replace("note: ", "")
    assert facts_of(result)["metric"] == "accuracy"


@pytest.mark.parametrize("model", ["majority", "nb", "tfidf"])
def test_models_that_are_fitted_in_one_go(cli, table, model):
    path = table({"often": 60, "rare": 9, "once": 1})
    result = cli("train", "table", path, "data.text=review", f"model={model}", "--json")
    notes = said(result)
    assert "uneven labels: 'often' 60, 'rare' 9, 'once' 1" in notes
    assert "look at macro F1, where every label counts the same" in notes
    assert "validation has no example of 'once'" in notes
    known = cli("predict", result.json["run"], "cue2", "--json").json["predictions"][0]
    assert list(known["probabilities"]) == ["often", "once", "rare"]


def test_a_label_with_a_single_example_is_learned_from(cli, table, tiny):
    path = table({"good": 40, "bad": 40, "once": 1})
    result = cli("train", "table", path, *tiny, "--json")
    assert "uneven labels: 'bad' 40, 'good' 40, 'once' 1" in said(result)
    assert [item["label"] for item in result.json["val"]["per_class"]] == ["bad", "good", "once"]
    prediction = cli("predict", result.json["run"], "cue2", "--json").json["predictions"][0]
    assert sum(prediction["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert len(prediction["probabilities"]) == 3


@pytest.mark.parametrize("model", [(), ("model=nb",), ("model=tfidf",)])
def test_forty_labels(cli, table, tiny, model):
    path = table({f"topic {n:02d}": 6 for n in range(40)})
    settings = [s for s in tiny if not (model and s.startswith("model."))]
    result = cli("train", "table", path, *settings, *model, "--json")
    assert "note:" not in said(result)
    assert len(result.json["val"]["per_class"]) == 40
    shown = cli("evaluate", result.json["run"])
    assert shown.code == 0
    assert shown.out.count("topic ") == 40
    assert "predicted" not in shown.out
    prediction = cli("predict", result.json["run"], "cue7", "--json").json["predictions"][0]
    assert len(prediction["probabilities"]) == 40
    if model:
        assert prediction["label"] == "topic 07"


def test_many_uneven_labels_are_shown_by_their_ends(cli, table):
    path = table({f"topic {n:02d}": n + 3 for n in range(40)})
    notes = said(cli("train", "table", path, "data.text=review", "model=majority"))
    assert (
        "uneven labels: 'topic 39' 42, 'topic 38' 41, 'topic 37' 40, ... (40 labels), "
        "'topic 02' 5, 'topic 01' 4, 'topic 00' 3;"
    ) in notes


def test_labels_that_are_numbers(cli, table, tiny):
    path = table({"10": 5, "2": 60, "-1": 35})
    result = cli("train", "table", path, *tiny, "--json")
    assert "uneven labels: '2' 60, '-1' 35, '10' 5; always answering '2'" in said(result)
    assert [item["label"] for item in result.json["val"]["per_class"]] == ["-1", "2", "10"]


def test_a_published_data_set_keeps_its_identity():
    """As it was when accuracy was the default: runs that are done stay done."""
    from rnnlab import compose
    from rnnlab.config.load import load_config
    from rnnlab.identity import identity_of

    config = load_config("compositional-gru")
    assert config.train.metric == "auto"
    dataset = compose.dataset_of(config)
    settings = identity_of(config, dataset)["settings"]
    assert settings["train"]["metric"] == "accuracy"
    named = config.model_copy(
        update={"train": config.train.model_copy(update={"metric": "accuracy"})}
    )
    assert identity_of(named, dataset)["settings"] == settings
