"""Parts of an analysis on made-up answers: counts add up, and figures are what their names say."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from rnnlab.analysis import bands, slices, streams
from rnnlab.analysis.calibration import (
    BINS,
    calibration,
    cross_scaled,
    fit_temperature,
    log_probabilities,
    scaled,
)
from rnnlab.analysis.scores import difference_interval, score
from rnnlab.exceptions import UserError


@pytest.fixture
def chance():
    return np.random.default_rng(7)


def test_lengths_add_up(chance):
    lengths = chance.integers(0, 700, 500)
    correct = chance.random(500) < 0.8
    cut = bands.by_length(lengths, [100, 200, 500], correct, None)
    assert [band.label for band in cut.bands] == ["0-100", "100-200", "200-500", "500+"]
    assert sum(band.score.texts for band in cut.bands) == 500
    assert sum(band.score.correct for band in cut.bands) == correct.sum()
    assert cut.bands[1].score.texts == ((lengths >= 100) & (lengths < 200)).sum()


def test_an_empty_bin_has_no_accuracy():
    cut = bands.by_length(np.array([1, 2]), [5], np.array([True, False]), None)
    assert cut.bands[1].score.to_dict() == {
        **{"texts": 0, "correct": 0},
        **{"accuracy": None, "interval": None},
    }


@pytest.mark.parametrize(
    ("most", "expected"),
    [(540, [100, 200, 300, 400, 500]), (33, [10, 20, 30]), (7, [2, 4, 6]), (0, [1])],
)
def test_edges_suit_the_data(most, expected):
    assert bands.length_edges(np.full(10, most)) == expected


@pytest.mark.parametrize("text", ["", "a", "10,5", "0,5", "5,5", "1.5"])
def test_bad_bins(text):
    with pytest.raises(UserError, match="--bins"):
        bands.parse_edges(text)


@pytest.mark.parametrize("kind", ["spread", "mostly zero", "equal", "some missing"])
def test_quarters_add_up(chance, kind):
    values = chance.random(101)
    values = {
        "spread": values,
        "mostly zero": np.where(values < 0.8, 0.0, values),
        "equal": np.ones(101),
        "some missing": np.where(values < 0.3, np.nan, values),
    }[kind]
    correct = chance.random(101) < 0.5
    cut = bands.by_quarter("share", "share", values, correct, None)
    assert sum(band.score.texts for band in cut.bands) == 101
    assert sum(band.score.correct for band in cut.bands) == correct.sum()
    assert all(band.score.texts for band in cut.bands)
    assert len(cut.bands) == {"spread": 4, "mostly zero": 2, "equal": 1, "some missing": 5}[kind]


def test_slices_add_up(chance):
    texts = ["It is NOT bad!", "great", "but why?", "better than most", "very good", "oh great"]
    correct = chance.random(len(texts)) < 0.5
    cues = slices.shipped_cues() | slices.parse_patterns(["g=(?i)GREAT"])
    found = slices.by_cue(cues, texts, correct, None)
    assert set(slices.CUES.names) | {"g"} == {each.name for each in found}
    for each in found:
        assert each.present.texts + each.absent.texts == len(texts)
        assert each.present.correct + each.absent.correct == correct.sum()
    present = {each.name: each.present.texts for each in found}
    assert present == {
        **{"negation": 1, "contrast": 1, "comparison": 1, "intensifier": 1, "sarcasm": 1},
        **{"question": 1, "exclamation": 1, "capitals": 1, "g": 2},
    }


@pytest.mark.parametrize(
    ("cue", "texts", "others"),
    [
        ("negation", ["I don't", "do n't", "NEVER", "can’t"], ["knot", "nothings", "note"]),
        ("contrast", ["But no", "in spite\nof it"], ["butter", "yeti"]),
        ("comparison", ["as good as gold", "worse"], ["thank", "as good"]),
        ("intensifier", ["Really?", "truly"], ["every", "reality"]),
        ("sarcasm", ["so-called", 'a "masterpiece" it is', "what?!"], ["the surprise is big"]),
        ("question", ["why?"], ["why"]),
        ("exclamation", ["no!"], ["no"]),
        ("capitals", ["a BAD film"], ["OK", "abCDE", "Bad"]),
    ],
)
def test_cues(cue, texts, others):
    _, pattern = slices.shipped_cues()[cue]
    assert all(pattern.search(text) for text in texts)
    assert not any(pattern.search(text) for text in others)


@pytest.mark.parametrize("given", ["film", "=film", "film=", "film=(", "film=[a"])
def test_bad_patterns(given):
    with pytest.raises(UserError, match="--slice"):
        slices.parse_patterns([given])


def test_the_interval_of_a_difference():
    """Newcombe 1998, table II, case (a): 56 of 70 and 48 of 80, method 10."""
    correct = np.repeat([True, False, True, False], [56, 14, 48, 32])
    first = np.arange(150) < 70
    interval = difference_interval(score(correct, first, None), score(correct, ~first, None))
    assert interval == pytest.approx((0.0524, 0.3339), abs=5e-5)


def made_up(chance, size, classes, temperature=1.0):
    logits = chance.normal(size=(size, classes)) * 2
    truth = np.exp(log_probabilities(np.exp(scaled(logits, 1.0))))
    labels = np.array([chance.choice(classes, p=row / row.sum()) for row in truth])
    return scaled(logits * temperature, 1.0), labels


def test_calibration_against_scikit_learn(chance):
    logs, labels = made_up(chance, 400, 2)
    found = calibration(logs, labels, None)
    probabilities = np.exp(logs)
    brier = brier_score_loss(labels, probabilities[:, 1])
    assert found.brier == pytest.approx(2 * brier)
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    accuracy, mean = calibration_curve(correct, confidence, n_bins=BINS)
    assert [row[3].accuracy for row in found.curve] == pytest.approx(accuracy.tolist())
    assert [row[2] for row in found.curve] == pytest.approx(mean.tolist())
    sizes = np.array([row[3].texts for row in found.curve])
    assert sizes.sum() == 400
    assert found.ece == pytest.approx((sizes * np.abs(accuracy - mean)).sum() / 400)


def test_temperature_finds_what_was_done(chance):
    logs, labels = made_up(chance, 4000, 3, temperature=2.5)
    temperature = fit_temperature(logs, labels)
    assert temperature == pytest.approx(2.5, rel=0.08)
    before = calibration(logs, labels, None)
    after = calibration(scaled(logs, temperature), labels, None)
    assert after.loss < before.loss
    assert after.ece < before.ece / 2
    nearby = [calibration(scaled(logs, temperature * k), labels, None).loss for k in (0.97, 1.03)]
    assert min(nearby) > after.loss


@pytest.mark.parametrize("grouped", [False, True])
def test_no_text_is_scaled_by_what_has_seen_it(chance, grouped):
    """Another label of a text (or of its group) leaves its own scaled probabilities as they are."""
    logs, labels = made_up(chance, 200, 2, temperature=3.0)
    groups = np.arange(200) // 4 if grouped else None
    before = cross_scaled(logs, labels, groups)
    own = np.arange(200) // 4 == 5 if grouped else np.arange(200) == 20
    changed = np.where(own, 1 - labels, labels)
    after = cross_scaled(logs, changed, groups)
    np.testing.assert_array_equal(before[own], after[own])
    assert (before[~own] != after[~own]).any()
    np.testing.assert_array_equal(before.argmax(axis=1), logs.argmax(axis=1))


def test_saturated_probabilities_stay_finite():
    logs = log_probabilities(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], np.float32))
    labels = np.array([0, 1, 1])
    assert np.isfinite(logs).all()
    assert np.isfinite(calibration(logs, labels, None).loss)
    assert np.isfinite(fit_temperature(logs, labels))


def test_frequency_bands_add_up(chance):
    tokens = chance.integers(0, 50, 3000).astype(np.int32)
    nats = chance.exponential(size=3000)
    counts = chance.integers(0, 30_000, 50)
    rows = streams.frequency_bands(tokens, nats, counts)
    assert sum(row["tokens"] for row in rows) == 3000
    assert sum(row["nats"] for row in rows) == pytest.approx(nats.sum())
    assert sum(row["share_of_nats"] for row in rows) == pytest.approx(1)
    assert [row["label"] for row in rows][:2] == ["<eos>", "<unk>"]
    words = [f"w{number}" for number in range(50)]
    hardest = streams.hardest_words(tokens, nats, counts, words, 5)
    means = {word: nats[tokens == number].mean() for number, word in enumerate(words)}
    assert hardest[0]["loss"] == pytest.approx(max(means.values()))
    place = streams.hardest_tokens(tokens, nats, words, 1)[0]
    assert place["nats"] == nats.max()
    assert place["word"] == words[tokens[nats.argmax()]]
    assert re.fullmatch(r"(w\d+ ?)*", place["context"])
