"""TextClassifier: labels of any type, settings, refusals, the same model each time, files."""

from __future__ import annotations

import itertools
import json
import math
import pickle
import random
import signal
from collections import Counter

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from rnnlab import TextClassifier
from rnnlab.estimator.settings import KEYS, MODELS
from rnnlab.evaluation import load_model
from rnnlab.exceptions import UserError
from rnnlab.progress import ProgressLine

NETWORKS = ("bilstm", "bigru", "lstm", "gru", "rnn", "mean")


@pytest.mark.parametrize("model", MODELS)
def test_every_model_fits_and_predicts(model, texts, labels, small):
    own = small if model in NETWORKS else {}
    if model == "mean":
        del own["hidden"]
    fitted = TextClassifier(model, **own).fit(texts, labels)
    probabilities = fitted.predict_proba(texts[:7])
    assert fitted.classes_.tolist() == ["bad", "good"]
    assert probabilities.shape == (7, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert fitted.predict(texts[:7]).tolist() == [
        fitted.classes_[i] for i in probabilities.argmax(axis=1)
    ]
    assert len(fitted.history_) == (3 if model in NETWORKS else 0)
    best = [row["epoch"] for row in fitted.history_]
    best.sort(key=lambda epoch: -fitted.history_[epoch - 1]["val_accuracy"])
    assert fitted.best_epoch_ == (best[0] if best else 0)
    if model in ("nb", "tfidf"):
        assert fitted.score(texts, labels) == 1


@pytest.mark.parametrize(
    ("pair", "names"),
    [
        (["no", "yes"], ["no", "yes"]),
        ([10, 9], ["9", "10"]),
        ([-1.0, 2.0], ["-1", "2"]),
        ([True, False], ["false", "true"]),
        (["10", "9"], ["10", "9"]),
        (["4", "4.0"], ["4", "4.0"]),
        (np.array(["b", "a"], object), ["a", "b"]),
        (np.array([3, 1], np.uint8), ["1", "3"]),
        (["<b>", "[red]x"], ["<b>", "[red]x"]),
    ],
    ids=str,
)
def test_labels_of_any_type(pair, names, texts, labels, tmp_path):
    own = np.asarray(pair)[np.array([label == "good" for label in labels]).astype(int)]
    fitted = TextClassifier("nb").fit(texts, own)
    np.testing.assert_array_equal(fitted.classes_, np.unique(own))
    assert fitted.classes_.dtype == own.dtype
    assert list(fitted.predictor_.labels) == names
    assert fitted.score(texts, own) == 1
    assert list(fitted.top_words(1)) == np.unique(own).tolist()
    fitted.save(tmp_path / "m")
    loaded = TextClassifier.load(tmp_path / "m")
    assert loaded.classes_.dtype == own.dtype
    np.testing.assert_array_equal(loaded.predict(texts), fitted.predict(texts))


def test_three_classes_and_lists_of_any_kind(texts, labels):
    own = [i % 3 for i in range(len(texts))]
    fitted = TextClassifier("tfidf").fit(tuple(texts), own)
    assert fitted.predict_proba(np.array(texts, object)).shape == (len(texts), 3)
    same = fitted.predict_proba(np.array(texts))
    np.testing.assert_array_equal(fitted.predict_proba(iter(texts)), same)


def test_columns_of_pandas(texts, labels):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"review": texts, "stars": labels}).sample(frac=1, random_state=0)
    fitted = TextClassifier("nb").fit(table["review"], table["stars"])
    assert fitted.score(table["review"], table["stars"]) == 1
    assert fitted.classes_.tolist() == ["bad", "good"]
    with pytest.raises(ValueError, match=r"DataFrame of shape \(120, 1\): give one column"):
        fitted.predict(table[["review"]])
    table.loc[table.index[3], "review"] = None
    with pytest.raises(ValueError, match=r"texts\[3\] is missing"):
        fitted.predict(table["review"])
    with pytest.raises(ValueError, match=r"texts\[3\] is missing"):
        fitted.predict(table["review"].astype("string"))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("a single text", "got a single one"),
        (b"a single text", "got a single one"),
        ([], "0 samples"),
        (["fine", None], r"texts\[1\] is missing \(None\)"),
        (["fine", "fine", float("nan")], r"texts\[2\] is missing \(nan\)"),
        (["fine", 3], r"texts\[1\] is int 3, not a string"),
        ([["a", "list"]], r"texts\[0\] is list"),
        ([b"bytes"], r"texts\[0\] is bytes"),
        (["\ud800"], r"texts\[0\] is not valid Unicode"),
        (np.array([["a"], ["b"]]), r"ndarray of shape \(2, 1\): give one column"),
        (np.array("a"), r"ndarray of shape \(\)"),
        ({"a": 1}, "got a dict"),
        (3, "expected a list of texts, got int"),
    ],
    ids=repr,
)
def test_what_is_no_list_of_texts(wrong, message, texts, labels):
    fitted = TextClassifier("majority").fit(texts, labels)
    for method in (fitted.predict, fitted.predict_proba, lambda x: clone(fitted).fit(x, labels)):
        with pytest.raises(ValueError, match=message):
            method(wrong)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda y: y[:-1], "inconsistent numbers of samples"),
        (lambda y: ["good"] * len(y), "only one class, .*good.*: a classifier needs two"),
        (lambda y: None, "requires y to be passed"),
        (lambda y: [0.5] + [1.0] * (len(y) - 1), "continuous"),
        (lambda y: [float("nan")] + [1.0] * (len(y) - 1), "NaN"),
        (lambda y: [[1, 0]] * len(y), "shape"),
    ],
)
def test_what_are_no_labels(make, message, texts, labels):
    with pytest.raises(ValueError, match=message):
        TextClassifier("nb").fit(texts, make(labels))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"model": "bilstn"}, r"unknown model 'bilstn'; did you mean 'bilstm'\?"),
        ({"model": "imdb-lst"}, r"did you mean 'imdb-lstm'\?"),
        ({"model": 3}, "unknown model 3; known: bilstm, bigru"),
        ({"model": "absent.yaml"}, "absent.yaml: no such file"),
        ({"model": "nb", "hidden": 3}, "hidden has no meaning for model='nb'"),
        ({"model": "nb", "epochs": 3}, "epochs has no meaning for model='nb'"),
        ({"model": "mean", "layers": 2}, "layers has no meaning for model='mean'"),
        ({"model": "gru", "hidden": 0}, "model.encoder.hidden: .*greater than 0"),
        ({"model": "gru", "lr": "fast"}, "train.optimizer.lr: .*number"),
        ({"model": "gru", "dropout": 1}, "model.dropout"),
        ({"model": "nb", "max_tokens": -1}, "data.max_tokens"),
        ({"model": "nb", "min_count": 10**6}, "the vocabulary is empty"),
        ({"model": "nb", "threads": 0}, "threads: .*greater than 0"),
        ({"model": "nb", "validation_fraction": 1}, "data.validation.fraction"),
        ({"model": "nb", "validation_fraction": 0.999}, "data.validation.fraction=0.999"),
        ({"model": "nb", "tokenizer": "wrods"}, r"did you mean 'words'\?"),
        ({"model": "nb", "class_weight": "balance"}, "class_weights: give balanced"),
        ({"model": "nb", "class_weight": {"god": 2}}, "no text has the label 'god'"),
        ({"model": "nb", "class_weight": {"good": 0}}, "positive weight"),
        ({"model": "nb", "random_state": -1}, "Seed must be between"),
        ({"model": "nb", "random_state": "one"}, "cannot be used to seed"),
        ({"model": "gru", "overrides": {"train.epohcs": 3}}, "unknown key 'train.epohcs'"),
        ({"model": "nb", "overrides": {"data.path": "x.csv"}}, r"the texts come from fit\(\)"),
        ({"model": "nb", "overrides": {"data.source": "imdb"}}, r"the texts come from fit\(\)"),
        ({"model": "nb", "overrides": {"data.validation.by": "film"}}, "no groups"),
        ({"model": "nb", "overrides": ["train.epochs=3"]}, "give a mapping of config keys"),
        ({"model": "nb", "overrides": {3: 4}}, "give a mapping of config keys"),
        ({"model": "gru", "vectors": "absent.txt"}, "no vectors 'absent.txt'"),
        ({"model": "ptb-lstm"}, "model='ptb-lstm' is a language model"),
        (
            {"model": "gru", "overrides": {"train.metric": "perplexity"}},
            "a classifier has accuracy",
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else None,
)
def test_parameters_are_checked_by_fit(parameters, message, texts, labels):
    classifier = TextClassifier(**parameters)
    assert classifier.get_params()["model"] == parameters["model"]
    with pytest.raises(ValueError, match=message):
        classifier.fit(texts, labels)
    with pytest.raises(NotFittedError):
        classifier.predict(texts)


def test_every_parameter_reaches_the_config(texts, labels):
    given = {
        **{"embedding_dim": 5, "hidden": 3, "layers": 2, "dropout": 0.25, "epochs": 2},
        **{"batch_size": 7, "lr": 0.03, "patience": None, "max_tokens": None, "min_count": 2},
        **{"vocabulary_size": 9, "validation_fraction": 0.3, "tokenizer": "whitespace"},
    }
    assert {*given, "vectors"} == set(KEYS)
    fitted = TextClassifier("gru", **given, threads=1, random_state=np.int64(4)).fit(texts, labels)
    config = fitted.config_
    for name, value in given.items():
        found = config
        for key in KEYS[name].split("."):
            found = found[key]
        assert found == (value if name != "tokenizer" else {"name": value, "lowercase": False})
    assert (config["seed"], config["threads"]) == (4, 1)
    assert len(fitted.predictor_.reader.vocabulary) == 11
    json.dumps(config)


def test_auto_is_the_preset(texts, labels):
    config = TextClassifier("imdb", epochs=1, threads=1, random_state=0)._config(
        np.array(["a", "b"]), ("a", "b")
    )
    assert config.model.options.encoder.weight_drop == 0.5
    assert config.data.vocabulary.max_size == 10_000
    assert config.data.source.name == "table"
    assert config.data.validation.by == "auto"
    assert (config.train.epochs, config.train.patience) == (1, 3)


def test_a_config_file_is_a_model(texts, labels, tmp_path, monkeypatch):
    (tmp_path / "own.yaml").write_text("extends: imdb\nmodel: tfidf\ndata: {max_tokens: 3}\n")
    monkeypatch.chdir(tmp_path)
    fitted = TextClassifier("own.yaml").fit(texts, labels)
    assert fitted.predictor_.kind.name == "tfidf"
    assert fitted.config_["data"]["max_tokens"] == 3


def test_pretrained_vectors_by_path(texts, labels, small, tmp_path):
    (tmp_path / "v.txt").write_text("great 1 2 3\nawful 4 5 6\n")
    small["embedding_dim"] = 3
    frozen = {"model.embedding.frozen": True}
    fitted = TextClassifier("gru", vectors=tmp_path / "v.txt", overrides=frozen, **small)
    fitted.fit(texts, labels)
    number = fitted.predictor_.reader.vocabulary.index["awful"]
    embedding = fitted.predictor_.parts().arrays["embedding.weight"]
    assert embedding[number].tolist() == [4, 5, 6]
    fitted.save(tmp_path / "saved")
    assert TextClassifier.load(tmp_path / "saved").vectors == str(tmp_path / "v.txt")


def test_class_weights_are_scikit_learns(texts, labels):
    own = labels[:20] + ["bad"] * (len(labels) - 20)
    counts = {label: own.count(label) for label in ("good", "bad")}
    weights = {label: len(own) / 2 / count for label, count in counts.items()}
    by_name = TextClassifier("tfidf", class_weight=weights).fit(texts, own).predict_proba(texts)
    balanced = TextClassifier("tfidf", class_weight="balanced").fit(texts, own)
    np.testing.assert_array_equal(balanced.predict_proba(texts), by_name)
    equal = TextClassifier("tfidf").fit(texts, own).predict_proba(texts)
    assert (by_name[:, 1] > equal[:, 1]).all()
    numbers = [int(label == "good") for label in own]
    numbered = TextClassifier("tfidf", class_weight={1: weights["good"], 0: weights["bad"]})
    np.testing.assert_array_equal(numbered.fit(texts, numbers).predict_proba(texts), by_name)


def test_the_same_seed_gives_the_same_bits(texts, labels, small):
    small["random_state"] = 7
    first = TextClassifier("bilstm", **small).fit(texts, labels)
    torch.manual_seed(99)
    np.random.seed(99)
    again = clone(first).fit(texts, labels)
    for name, array in first.predictor_.parts().arrays.items():
        np.testing.assert_array_equal(array, again.predictor_.parts().arrays[name])
    other = clone(first).set_params(random_state=8).fit(texts, labels)
    assert (other.predict_proba(texts) != first.predict_proba(texts)).any()
    assert first.history_ == again.history_


def test_a_random_state_is_drawn_from(texts, labels, small):
    del small["random_state"]
    drawn = np.random.RandomState(3).randint(np.iinfo(np.int32).max)
    fitted = TextClassifier("mean", **{k: v for k, v in small.items() if k != "hidden"})
    fitted.set_params(random_state=np.random.RandomState(3)).fit(texts, labels)
    assert fitted.config_["seed"] == drawn
    seeds = {TextClassifier("nb").fit(texts, labels).config_["seed"] for _ in range(3)}
    assert len(seeds) == 3


def test_a_fit_leaves_torch_as_it_was(texts, labels, small):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    TextClassifier("gru", **{**small, "threads": threads + 1}).fit(texts, labels)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("settings", [{"validation_fraction": 0}, {"texts": 44}])
def test_without_validation_all_epochs_are_done_and_the_last_is_kept(
    settings, texts, labels, small
):
    count = settings.pop("texts", len(texts))
    fitted = TextClassifier("gru", **small, **settings, patience=1).fit(
        texts[:count], labels[:count]
    )
    assert [row["epoch"] for row in fitted.history_] == [1, 2, 3]
    assert not any(name.startswith("val") for row in fitted.history_ for name in row)
    assert fitted.best_epoch_ == 3
    steps = -(-count // 16)
    assert fitted.history_[-1]["step"] == 3 * steps
    assert "val_accuracy" in TextClassifier("gru", **small).fit(texts, labels).history_[0]


def test_fifty_texts_give_ten_for_validation(texts, labels, small):
    fitted = TextClassifier("gru", **small).fit(texts[:50], labels[:50])
    assert "val_accuracy" in fitted.history_[0]
    assert fitted.history_[0]["step"] == -(-40 // 16)


def test_progress_is_a_line_an_epoch(texts, labels, small, capsys):
    TextClassifier("gru", **small, verbose=True).fit(texts, labels)
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == ""
    assert len(lines) == 4
    assert lines[0].startswith("96 training and 24 validation texts")
    assert all(f"epoch  {i}  train " in lines[i] and "  val " in lines[i] for i in (1, 2, 3))
    TextClassifier("gru", **small, verbose=True, validation_fraction=0).fit(texts, labels)
    assert " val " not in capsys.readouterr().out
    TextClassifier("gru", **small).fit(texts, labels)
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def interruptible():
    """SIGINT as a terminal's process has it; one in a shell's background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_fit_keeps_its_best_epoch(texts, labels, small, monkeypatch):
    constant = {"train.schedule": "constant"}
    small["epochs"] = 2
    two = TextClassifier("gru", **small, overrides=constant).fit(texts, labels)

    def press_in_the_third_epoch(self, state, **facts):
        if state.epoch == 2 and state.batch == 3:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(ProgressLine, "step", press_in_the_third_epoch)
    small["epochs"] = 9
    stopped = TextClassifier("gru", **small, overrides=constant, verbose=True)
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(texts, labels)
    assert stopped.history_ == two.history_
    assert stopped.best_epoch_ == two.best_epoch_
    np.testing.assert_array_equal(stopped.predict_proba(texts), two.predict_proba(texts))


@pytest.mark.usefixtures("interruptible")
def test_interrupted_in_the_first_epoch_it_stays_unfitted(texts, labels, small, monkeypatch):
    monkeypatch.setattr(
        ProgressLine, "step", lambda self, state, **facts: signal.raise_signal(signal.SIGINT)
    )
    stopped = TextClassifier("gru", **small, verbose=True)
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(texts, labels)
    with pytest.raises(NotFittedError):
        stopped.predict(texts)


def test_divergence_is_a_value_error(texts, labels, small):
    small["lr"] = 1e30
    diverging = TextClassifier("gru", **small, overrides={"train.optimizer.name": "sgd"})
    with pytest.raises(ValueError, match=r"diverged: .*; try a lower lr"):
        diverging.fit(texts, labels)


def test_nothing_is_left_on_disk(texts, labels, small, tmp_path, monkeypatch):
    monkeypatch.setenv("RNNLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "tmp").mkdir()
    monkeypatch.chdir(tmp_path)
    TextClassifier("gru", **small).fit(texts, labels)
    assert [path.name for path in tmp_path.rglob("*")] == ["tmp"]


def test_saved_and_loaded_it_is_the_same(texts, labels, small, tmp_path):
    parameters = {
        **small,
        **{"class_weight": {"good": 2.0}, "tokenizer": {"name": "words", "lowercase": False}},
        **{"random_state": np.random.RandomState(1), "overrides": {"train.clip_norm": np.int64(1)}},
    }
    fitted = TextClassifier("gru", **parameters).fit(texts, labels)
    for _ in range(2):  # the second replaces the first
        fitted.save(tmp_path / "deep" / "model")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["model"]
    names = {path.name for path in (tmp_path / "deep" / "model").iterdir()}
    assert names == {"estimator.json", "model.json", "vocabulary.json", "weights.safetensors"}
    loaded = TextClassifier.load(tmp_path / "deep" / "model")
    new = [*texts, "", "never seen words", "é"]
    np.testing.assert_array_equal(loaded.predict_proba(new), fitted.predict_proba(new))
    assert loaded.history_ == fitted.history_
    assert loaded.best_epoch_ == fitted.best_epoch_
    assert loaded.config_ == fitted.config_
    assert loaded.class_weight == {"good": 2.0}
    assert loaded.random_state == fitted.config_["seed"]
    np.testing.assert_array_equal(
        clone(loaded).fit(texts, labels).predict_proba(new), fitted.predict_proba(new)
    )
    alone = load_model(tmp_path / "deep" / "model")
    np.testing.assert_array_equal(alone.predict(new).probabilities, fitted.predict_proba(new))


def test_what_cannot_be_saved_or_loaded(texts, labels, tmp_path):
    classifier = TextClassifier("nb")
    with pytest.raises(NotFittedError):
        classifier.save(tmp_path / "m")
    classifier.fit(texts, labels)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("keep")
    with pytest.raises(UserError, match="holds something else"):
        classifier.save(tmp_path / "notes")
    with pytest.raises(UserError, match="no saved TextClassifier here"):
        TextClassifier.load(tmp_path / "notes")
    classifier.save(tmp_path / "m")
    file = tmp_path / "m" / "estimator.json"
    facts = json.loads(file.read_text())
    for damage, message in [
        ("{", "damaged"),
        ("[]", "damaged"),
        (json.dumps({**facts, "format": 2}), "another version"),
        (json.dumps({**facts, "params": {"modle": "nb"}}), "damaged"),
        (json.dumps({**facts, "classes": {"dtype": "<U4", "values": ["one"]}}), "not of the model"),
    ]:
        file.write_text(damage)
        with pytest.raises(UserError, match=message):
            TextClassifier.load(tmp_path / "m")


@pytest.mark.parametrize("model", ["nb", "gru"])
def test_pickled_for_the_workers_of_a_search(model, texts, labels, small, tmp_path):
    fitted = TextClassifier(model, **(small if model == "gru" else {})).fit(texts, labels)
    expected = fitted.predict_proba(texts)
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301
    np.testing.assert_array_equal(again.predict_proba(texts), expected)
    assert b"torch" not in pickle.dumps(fitted)
    joblib.dump(fitted, tmp_path / "fitted.joblib")
    mapped = joblib.load(tmp_path / "fitted.joblib", mmap_mode="r")
    np.testing.assert_array_equal(mapped.predict_proba(texts), expected)


def test_searches_and_cross_validation(texts, labels, small):
    assert cross_val_score(TextClassifier("nb"), texts, labels, cv=3).tolist() == [1, 1, 1]
    assert cross_val_predict(
        TextClassifier("nb"), np.array(texts), labels, cv=3, method="predict_proba"
    ).shape == (120, 2)
    grid = [
        {"model": ["nb"], "min_count": np.arange(1, 3)},
        {"model": ["majority"]},
        {"model": ["mean"], "lr": np.logspace(-2, -1, 2), "epochs": [np.int64(1)]},
    ]
    search = GridSearchCV(
        TextClassifier(threads=1, random_state=0), grid, cv=2, error_score="raise"
    )
    search.fit(texts, labels)
    assert search.best_params_["model"] == "nb"
    assert search.score(texts, labels) == 1
    drawn = RandomizedSearchCV(
        TextClassifier("gru", **small),
        {"hidden": range(2, 5), "dropout": [0.0, 0.5]},
        **{"n_iter": 2, "cv": 2, "random_state": 0, "error_score": "raise"},
    )
    assert set(drawn.fit(texts, labels).best_params_) == {"hidden", "dropout"}


def test_two_processes_give_what_one_gives(texts, labels):
    settings = {"cv": 2, "return_estimator": True, "error_score": "raise"}
    one = cross_validate(TextClassifier("nb"), texts, labels, **settings)
    two = cross_validate(TextClassifier("nb"), texts, labels, **settings, n_jobs=2)
    for left, right in zip(one["estimator"], two["estimator"], strict=True):
        np.testing.assert_array_equal(left.predict_proba(texts), right.predict_proba(texts))


def test_a_pipeline(texts, labels):
    upper = FunctionTransformer(lambda found: [text.upper() for text in found])
    pipeline = make_pipeline(upper, TextClassifier("nb", tokenizer={"name": "whitespace"}))
    pipeline.fit(texts, labels)
    assert pipeline.score(texts, labels) == 1
    pipeline.set_params(textclassifier__min_count=2)
    words = pipeline.fit(texts, labels)[-1].predictor_.reader.vocabulary.words
    assert "GREAT" in words
    assert "great" not in words


def test_the_best_words(texts, labels):
    for model in ("nb", "tfidf"):
        words = TextClassifier(model).fit(texts, labels).top_words(3)
        assert sorted(word for word, _ in words["good"]) == ["great", "lovely", "superb"]
        assert sorted(word for word, _ in words["bad"]) == ["awful", "dull", "weak"]
        for pairs in words.values():
            weights = [weight for _, weight in pairs]
            assert weights == sorted(weights, reverse=True)
            assert min(weights) > 0
    with pytest.raises(ValueError, match="kind 'majority' has no weight per word"):
        TextClassifier("majority").fit(texts, labels).top_words()
    with pytest.raises(NotFittedError):
        TextClassifier("nb").top_words()


def letters(count: int) -> list[str]:
    chance = random.Random(1)
    return [" ".join(chance.choices("abcdefgh", k=chance.randint(1, 9))) for _ in range(count)]


def grams(tokens: list[str], longest: int) -> list[str]:
    sizes = range(1, longest + 1)
    return [" ".join(tokens[i : i + n]) for n in sizes for i in range(len(tokens) - n + 1)]


@pytest.mark.parametrize("model", ["nb", "tfidf"])
def test_the_probabilities_follow_from_the_word_weights(model):
    texts = letters(80)
    own = ["a" in text for text in texts]
    settings = {"tokenizer": "whitespace", "vocabulary_size": 6}
    fitted = TextClassifier(model, **settings).fit(texts, own)
    frequent = set(fitted.predictor_.reader.vocabulary.words)
    longest = 3 if model == "nb" else 2
    read = [
        grams([word if word in frequent else "<unk>" for word in text.split()], longest)
        for text in texts
    ]
    listed = fitted.top_words(10**6)
    weights = {gram: -weight for gram, weight in listed[False]} | dict(listed[True])
    holders = Counter(gram for text in read for gram in set(text))
    idf = {gram: math.log((1 + len(texts)) / (1 + n)) + 1 for gram, n in holders.items() if n > 1}
    intercept = float(fitted.predictor_.fitted.intercepts[0])
    scores = []
    for counts in map(Counter, read):
        if model == "nb":
            scores.append(sum(weights[gram] for gram in counts) + intercept)
            continue
        known = {gram: 1 + math.log(n) for gram, n in counts.items() if gram in idf}
        length = math.hypot(*(value * idf[gram] for gram, value in known.items()))
        total = sum(value * weights[gram] for gram, value in known.items())
        scores.append(total / length + intercept)
    found = fitted.predict_proba(texts)[:, 1]
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-np.array(scores))), atol=1e-5)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_words_of_a_mean_of_embeddings_add_up_to_its_scores(classes, small):
    texts = letters(80)
    own = [ord(text[0]) % classes for text in texts]
    del small["hidden"]
    fitted = TextClassifier("mean", tokenizer="whitespace", **small).fit(texts, own)
    listed = fitted.top_words(10**6)

    def score(text: str, label: int) -> float:
        """Log odds of two classes; of three the logarithm less the mean of all."""
        logs = np.log(fitted.predict_proba([text])[0].astype(np.float64))
        return logs[label] - logs[1 - label] if classes == 2 else logs[label] - logs.mean()

    seen = set()
    for label in range(classes):
        weights = dict(listed[label])
        if classes == 2:
            weights |= {word: -weight for word, weight in listed[1 - label]}
        biases = [score(word, label) - weight for word, weight in weights.items()]
        assert np.ptp(biases) < 1e-4
        for first, second in itertools.pairwise(weights):
            mean = (weights[first] + 2 * weights[second]) / 3
            text = f"{first} {second} {second}"
            assert score(text, label) == pytest.approx(mean + biases[0], abs=1e-4)
        seen |= weights.keys()
    assert seen >= set("abcdefgh")
    assert "<pad>" not in seen


@pytest.mark.parametrize("model", ["nb", "tfidf"])
def test_the_weights_of_three_classes_are_the_coefficients(model):
    texts = letters(80)
    own = [ord(text[0]) % 3 for text in texts]
    fitted = TextClassifier(model, tokenizer="whitespace").fit(texts, own)
    linear, index = fitted.predictor_.fitted, fitted.predictor_.reader.vocabulary.index
    keys = np.concatenate(linear.terms.keys)
    starts = np.cumsum([0, *map(len, linear.terms.keys)])
    effective = linear.coefficients * (1 if model == "nb" else linear.norms)
    for label, pairs in fitted.top_words(10**6).items():
        assert len(pairs) == (effective[label] > 0).sum()
        for gram, weight in pairs:
            tokens = [index[word] for word in gram.split()]
            key = sum(token * linear.terms.base**i for i, token in enumerate(reversed(tokens)))
            size = len(tokens)
            column = starts[size - 1] + np.flatnonzero(keys[starts[size - 1] : starts[size]] == key)
            assert weight == effective[label, column[0]]
