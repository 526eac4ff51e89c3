"""Each method against what it is defined to be, and integrated gradients against captum."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rnnlab.exceptions import UserError
from rnnlab.explanation import METHODS, explain, methods_of
from rnnlab.explanation.methods import integrated_gradients
from rnnlab.explanation.reading import ragged_of, read
from rnnlab.explanation.score import log_odds

TEXT = "The film was not good, but the PLOT was very dull and great."
THREE = ("bad", "good", "mixed")
NETWORKS = {
    "bag": {"encoder": None, "pooling": "mean"},
    "gru": {
        "encoder": {"cell": "gru", "hidden": 4, "bidirectional": True},
        "pooling": ["mean", "final"],
    },
    "attention": {
        "encoder": {"cell": "lstm", "hidden": 4, "layers": 2},
        "pooling": ["attention_additive", "attention"],
        "head_hidden": 6,
        "activation": "tanh",
    },
}


def contributions(explanation) -> np.ndarray:
    return np.array([piece.contribution for piece in explanation.pieces])


@pytest.mark.parametrize("labels", [("bad", "good"), THREE])
@pytest.mark.parametrize("settings", NETWORKS.values(), ids=NETWORKS)
def test_integrated_gradients_are_captums(network, settings, labels):
    captum = pytest.importorskip("captum.attr")
    predictor = network(labels, **settings)
    model = predictor.fitted.model
    numbers = read(predictor.reader, TEXT).numbers
    vectors = model.embedding.weight[torch.from_numpy(numbers.astype(np.int64))].unsqueeze(0)

    def score(vectors_BTD, target):
        lengths = torch.full((len(vectors_BTD),), vectors_BTD.shape[1])
        logits = model.read_vectors(vectors_BTD, lengths)
        if logits.shape[1] == 1:
            logits = torch.cat([torch.zeros_like(logits), logits], dim=1)
        logs = torch.log_softmax(logits, dim=1)
        return logs[:, target] - torch.log1p(-logs[:, target].exp())

    for target in range(len(labels)):
        oracle = captum.IntegratedGradients(score).attribute(
            vectors,
            baselines=0.0,
            additional_forward_args=target,
            n_steps=64,
            method="gausslegendre",
        )
        own = integrated_gradients.integrate(model, numbers, target, 64)
        expected = oracle.sum(dim=2)[0].numpy()
        # captum rounds the weights of the points to float32
        tolerance = 1e-7 * np.abs(expected).max()
        np.testing.assert_allclose(own.contributions, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("settings", NETWORKS.values(), ids=NETWORKS)
def test_integrated_gradients_add_up(network, settings):
    """More points close the gap, and the score is the model's own."""
    predictor = network(THREE, **settings)
    reading = read(predictor.reader, TEXT)
    probabilities = predictor.fitted.probabilities(ragged_of([reading.numbers]))
    gaps = []
    for points in (2, 128):
        found = integrated_gradients.integrate(predictor.fitted.model, reading.numbers, 1, points)
        gaps.append(abs(found.score - found.baseline - found.contributions.sum()))
    assert found.score == pytest.approx(log_odds(probabilities, 1)[0], abs=1e-5)
    assert gaps[1] < 1e-6
    if settings["encoder"] is not None:
        assert gaps[0] > gaps[1]


def test_the_gap_is_told(network):
    explanation = explain(network(THREE, **NETWORKS["gru"]), TEXT, "integrated_gradients")
    gap = explanation.score - explanation.baseline - contributions(explanation).sum()
    assert explanation.gap == pytest.approx(gap, abs=1e-12)
    assert abs(gap) <= integrated_gradients.TOLERANCE * abs(
        explanation.score - explanation.baseline
    )


@pytest.mark.parametrize("settings", NETWORKS.values(), ids=NETWORKS)
def test_occlusion_reads_the_shorter_texts(network, settings):
    predictor = network(THREE, **settings)
    words = TEXT.lower().replace(",", " ,").replace(".", " .").split()

    def score(text: str) -> float:
        return float(log_odds(predictor.predict([text]).probabilities, 2)[0])

    explanation = explain(predictor, TEXT, "occlusion", label="mixed")
    expected = [
        score(" ".join(words)) - score(" ".join(words[:i] + words[i + 1 :]))
        for i in range(len(words))
    ]
    np.testing.assert_allclose(contributions(explanation), expected, rtol=0, atol=1e-5)
    assert explanation.gap is None


def test_sentences_are_left_out_whole(network):
    predictor = network(**NETWORKS["gru"])
    parts = ["The film was good.", "Not bad!", "the plot..."]
    text = f"{parts[0]} {parts[1]}<br /><br />{parts[2]}"
    explanation = explain(predictor, text, "sentences", label="good")

    def score(text: str) -> float:
        return float(log_odds(predictor.predict([text]).probabilities, 1)[0])

    assert [piece.text for piece in explanation.pieces] == parts
    for number, piece in enumerate(explanation.pieces):
        rest = " ".join(parts[:number] + parts[number + 1 :])
        assert piece.contribution == pytest.approx(score(text) - score(rest), abs=1e-5)


def test_attention_is_the_models_own(network):
    predictor = network(**NETWORKS["attention"])
    explanation = explain(predictor, TEXT, "attention")
    model = predictor.fitted.model
    numbers = torch.from_numpy(read(predictor.reader, TEXT).numbers.astype(np.int64))
    outputs, final, _ = model.encoder(model.embedding(numbers.unsqueeze(0)), None)
    first, second = (torch.softmax(pool.energies(outputs, final)[0], 0) for pool in model.pooling)
    np.testing.assert_allclose(contributions(explanation), (first + second) / 2, atol=1e-12)
    assert contributions(explanation).sum() == pytest.approx(1)
    assert not explanation.signed


@pytest.mark.parametrize("labels", [("bad", "good"), THREE])
@pytest.mark.parametrize("kind", ["nb", "tfidf"])
def test_word_weights_of_ngrams(fitted, kind, labels):
    """A text's words and its n-grams both add up to the score, which decides the label."""
    predictor = fitted(kind, labels)
    for label in labels:
        explanation = explain(predictor, TEXT, "word_weights", label=label)
        assert explanation.gap == pytest.approx(0, abs=1e-5)
        terms = explanation.facts["terms"]
        total = sum(term["contribution"] for term in terms)
        assert len(terms) < 50
        assert total == pytest.approx(contributions(explanation).sum(), abs=1e-9)
    if len(labels) == 2:
        probabilities = predictor.predict([TEXT]).probabilities
        assert explanation.score == pytest.approx(log_odds(probabilities, 1)[0], abs=1e-4)


def test_an_ngram_is_shared_by_its_tokens(fitted):
    predictor = fitted("nb", max_ngram=2)
    weights = predictor.fitted.term_weights()[1]
    words = predictor.reader.vocabulary.words
    by_term = {
        " ".join(words[i] for i in predictor.fitted.terms.tokens(column)): weights[column]
        for column in range(len(weights))
    }
    explanation = explain(predictor, "film dull film", "word_weights", label="good")
    pairs = [by_term.get("film dull", 0.0), by_term.get("dull film", 0.0)]
    assert any(pairs)
    expected = [
        by_term["film"] / 2 + pairs[0] / 2,
        by_term["dull"] + sum(pairs) / 2,
        by_term["film"] / 2 + pairs[1] / 2,
    ]
    np.testing.assert_allclose(contributions(explanation), expected, rtol=1e-5)


@pytest.mark.parametrize("labels", [("bad", "good"), THREE])
def test_word_weights_of_a_bag_of_vectors(network, labels):
    """What the words have in common with integrated gradients: all, where the model is linear."""
    predictor = network(labels, **NETWORKS["bag"])
    explanation = explain(predictor, TEXT, "word_weights")
    assert explanation.gap == pytest.approx(0, abs=1e-12)
    if len(labels) == 2:
        other = explain(predictor, TEXT, "integrated_gradients")
        np.testing.assert_allclose(contributions(explanation), contributions(other), atol=1e-12)


def test_methods_of_each_model(network, fitted):
    assert methods_of(fitted("nb")) == ["word_weights", "occlusion", "sentences"]
    assert methods_of(fitted("majority")) == ["occlusion", "sentences"]
    assert methods_of(network(**NETWORKS["gru"])) == [
        *("integrated_gradients", "occlusion", "sentences")
    ]
    assert methods_of(network(**NETWORKS["attention"]))[-1] == "attention"
    assert methods_of(network(**NETWORKS["bag"]))[0] == "word_weights"
    hidden = network(encoder=None, pooling="mean", head_hidden=3)
    assert "word_weights" not in methods_of(hidden)


@pytest.mark.parametrize("method", METHODS.names)
def test_a_models_refusal_is_one_line(fitted, method):
    if method in ("occlusion", "sentences"):
        assert contributions(explain(fitted("majority"), TEXT, method)).tolist() == pytest.approx(
            [0.0] * (15 if method == "occlusion" else 1)
        )
        return
    with pytest.raises(UserError, match=r"^\S.*; it allows occlusion, sentences$"):
        explain(fitted("majority"), TEXT, method)


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("", {}, "no word of the text is known"),
        ("zzz ggg", {}, "no word of the text is known"),
        (TEXT, {"label": "god"}, "no label 'god'; did you mean 'good'"),
        (
            TEXT,
            {"method": "occlusions"},
            "unknown method of explanation 'occlusions'; did you mean",
        ),
    ],
)
def test_bad_requests(fitted, text, arguments, message):
    with pytest.raises(UserError, match=message):
        explain(fitted("nb"), text, **arguments)


def test_only_what_the_model_reads_is_explained(network, reader):
    from dataclasses import replace

    settings = NETWORKS["gru"]
    for truncation, kept in (
        ("head", ["The", "film", "was"]),
        ("tail", ["and", "great", "."]),
        ("head_and_tail", ["The", "film", "."]),
    ):
        predictor = replace(network(**settings), reader=reader("words", 3, truncation))
        explanation = explain(predictor, TEXT, "occlusion")
        assert [piece.text for piece in explanation.pieces] == kept
        assert explanation.cut == 12
        for piece in explanation.pieces:
            assert TEXT[piece.start : piece.end] == piece.text


def test_unknown_words_are_marked(fitted):
    explanation = explain(fitted("nb"), "a zzz film")
    assert [piece.known for piece in explanation.pieces] == [True, False, True]
    assert explanation.pieces[1].contribution == 0 or "zzz" not in explanation.facts["terms"]
