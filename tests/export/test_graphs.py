"""Graphs against the models that they are made of, text by text in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from rnnlab.data.ragged import Ragged
from rnnlab.data.reader import TextReader
from rnnlab.data.tokenizers import whitespace
from rnnlab.data.vocabulary import SPECIAL, UNKNOWN, Vocabulary
from rnnlab.exceptions import UserError
from rnnlab.export.agreement import TOLERANCE, Agreement, Case, cases, compare, require
from rnnlab.export.forms import graph_of
from rnnlab.export.predictor import OnnxModel, open_session
from rnnlab.export.quantization import cost, quantized
from rnnlab.models.kinds import majority, nb, neural, tfidf
from rnnlab.nn.cells import lstm
from rnnlab.nn.pooling import mean
from rnnlab.predictor import Network, Predictor
from rnnlab.registry import CELLS, MODELS, POOLINGS, TOKENIZERS, Component
from rnnlab.tasks.classification import Classification

WORDS = 30
LENGTHS = np.array([3, 1, 17, 1, 8, 40])
CELL_SETTINGS: list[dict[str, Any]] = [
    *({"cell": name} for name in CELLS.names),
    {"cell": {"name": "gru", "reset": "before"}},
    {"cell": {"name": "lstm", "activation": "relu"}},
    {"cell": {"name": "lstm", "activation": "sigmoid"}},
    {"cell": {"name": "rnn", "activation": "relu"}},
    {"cell": {"name": "rnn", "activation": "sigmoid"}},
    {"cell": {"name": "gru", "activation": "relu"}},
    {"cell": {"name": "gru", "reset": "before", "activation": "sigmoid"}},
    {"cell": "lstm", "bidirectional": True, "layers": 2},
    {"cell": "gru", "bidirectional": True, "layers": 3},
    {"cell": {"name": "gru", "reset": "before"}, "bidirectional": True},
    {"cell": "rnn", "bidirectional": True},
]


def predictor_of(kind: str, options: Any, fitted: Any, classes: int) -> Predictor:
    words = tuple(f"w{number}" for number in range(WORDS - len(SPECIAL)))
    tokenizer = Component(TOKENIZERS, "whitespace", whitespace.Options())
    reader = TextReader(tokenizer, Vocabulary((*SPECIAL, *words)), None, "head")
    labels = tuple("abcdefgh"[:classes])
    return Predictor(Component(MODELS, kind, options), fitted, reader, labels)


def network(encoder: dict[str, Any] | None, classes: int = 2, **settings: Any) -> Predictor:
    layers = None if encoder is None else {"hidden": 5, **encoder}
    options = neural.Options.model_validate(
        {"embedding": {"dim": 6}, "encoder": layers, **settings}
    )
    torch.manual_seed(1)
    model = neural.build(options, vocabulary_size=WORDS, num_classes=classes)
    for parameter in model.parameters():  # so that every gate and bias has a say
        torch.nn.init.normal_(parameter, std=0.6)
    fitted = Network(model.requires_grad_(False), Classification())
    return predictor_of("neural", options, fitted, classes)


def sequences(lengths: np.ndarray, seed: int = 0) -> Ragged:
    tokens = np.random.default_rng(seed).integers(UNKNOWN, WORDS, int(lengths.sum()))
    return Ragged.from_lengths(tokens.astype(np.int32), lengths)


def alone(predictor: Predictor, ragged: Ragged) -> np.ndarray:
    """Logits in float64, one text at a time."""
    model = predictor.fitted.model.eval().double()  # type: ignore[attr-defined]
    rows = []
    for row in range(len(ragged)):
        tokens = torch.from_numpy(ragged.pad(np.array([row])))
        rows.append(model(tokens, torch.tensor([tokens.shape[1]]))[0])
    model.float()
    return torch.stack(rows).numpy()


def exported(predictor: Predictor) -> OnnxModel:
    return OnnxModel(open_session(graph_of(predictor, {}), threads=1))


def check(predictor: Predictor) -> None:
    ragged = sequences(LENGTHS)
    outputs = exported(predictor).outputs(ragged)
    scores = alone(predictor, ragged)
    np.testing.assert_allclose(outputs["scores"], scores, rtol=0, atol=1e-5)
    assert np.ptp(scores[:, 0]) > 0.1
    whole = predictor.fitted.probabilities(ragged)
    np.testing.assert_allclose(outputs["probabilities"], whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("encoder", CELL_SETTINGS, ids=str)
def test_every_cell_depth_and_direction(encoder):
    check(network(encoder, pooling=["final", "mean"]))


@pytest.mark.parametrize("pooling", POOLINGS.names)
def test_every_pooling(pooling):
    check(network({"cell": "lstm", "bidirectional": True}, classes=4, pooling=pooling))


@pytest.mark.parametrize(
    "settings",
    [
        {"activation": "tanh", "head_hidden": 7},
        {"activation": "relu", "classes": 5},
        {"activation": "sigmoid", "head_hidden": 16, "classes": 3},
    ],
    ids=str,
)
def test_every_head(settings):
    check(network({"cell": "gru"}, pooling=["max", "final"], **settings))


def test_a_bag_of_embeddings():
    check(network(None, pooling=["mean", "max"]))


def test_probabilities_near_zero_keep_their_digits():
    predictor = network(None, pooling=["mean"])
    predictor.fitted.model.head.weight.mul_(60)  # type: ignore[attr-defined]
    ragged = sequences(LENGTHS)
    (score,) = alone(predictor, ragged).T
    given = exported(predictor).outputs(ragged)["probabilities"].astype(np.float64)
    assert given.min() < 1e-9
    np.testing.assert_allclose(np.log(given[:, 1]), -np.logaddexp(0, -score), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(np.log(given[:, 0]), -np.logaddexp(0, score), rtol=1e-4, atol=1e-6)


def test_any_batch_any_padding_and_texts_without_tokens():
    predictor = network({"cell": "lstm", "bidirectional": True}, pooling=["attention", "max"])
    session = open_session(graph_of(predictor, {}), threads=1)
    ragged = sequences(np.array([4, 2]))
    expected = alone(predictor, ragged)
    for width, filling in ((4, 0), (9, -7), (5, 10**12)):
        tokens = np.full((2, width), filling)
        tokens[0, :4], tokens[1, :2] = ragged.tokens[:4], ragged.tokens[4:]
        scores, _ = session.run(None, {"tokens": tokens, "lengths": np.array([4, 2])})
        np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-5)
    unknown = alone(predictor, Ragged.from_lengths(np.array([UNKNOWN], np.int32), np.ones(1, int)))
    for width in (0, 3):
        feed = {"tokens": np.zeros((2, width), np.int64), "lengths": np.zeros(2, np.int64)}
        scores, _ = session.run(None, feed)
        np.testing.assert_allclose(scores, np.repeat(unknown, 2, axis=0), rtol=0, atol=1e-5)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("module", [nb, tfidf], ids=["nb", "tfidf"])
def test_linear_models(module, classes):
    ragged = sequences(np.random.default_rng(3).integers(1, 20, 60), seed=4)
    labels = np.arange(60) % classes
    options = module.Options(max_ngram=3, min_texts=1)
    model = module.fit(
        options, ragged, labels, vocabulary_size=WORDS, num_classes=classes, class_weights=None
    )
    predictor = predictor_of(module.__name__.rpartition(".")[2], options, model, classes)
    onnx_model = exported(predictor)
    for texts in (ragged, sequences(LENGTHS, seed=9)):  # with n-grams that it does not know too
        outputs = onnx_model.outputs(texts)
        scores = model.features(texts) @ model.coefficients.T + model.intercepts
        np.testing.assert_allclose(outputs["scores"], scores, rtol=0, atol=1e-5)
        whole = model.probabilities(texts)
        np.testing.assert_allclose(outputs["probabilities"], whole, rtol=0, atol=1e-5)
    assert model.features(sequences(LENGTHS, seed=9)).nnz > 60


def test_the_majority_class():
    ragged = sequences(LENGTHS)
    options = majority.Options()
    labels = np.array([0, 1, 1, 2, 1, 0])
    model = majority.fit(
        options, ragged, labels, vocabulary_size=WORDS, num_classes=3, class_weights=None
    )
    given = exported(predictor_of("majority", options, model, 3)).probabilities(ragged)
    np.testing.assert_allclose(given, np.tile([2 / 6, 3 / 6, 1 / 6], (6, 1)), atol=1e-6)


@pytest.mark.parametrize(
    ("owner", "message"),
    [(lstm, "the cell 'lstm' has no operator in ONNX"), (mean, "the pooling 'mean' has no form")],
)
def test_a_component_without_a_form_is_named(monkeypatch, owner, message):
    monkeypatch.delattr(owner, "onnx")
    with pytest.raises(UserError, match=message):
        graph_of(network({"cell": "lstm"}, pooling=["mean"]), {})


def test_the_cases_are_one_token_empty_longest_and_mixed():
    known = sequences(np.array([3, 70]))
    found = {case.name: case.ragged for case in cases(WORDS, 50, known)}
    assert set(found["one token"].lengths) == {1}
    assert set(found["empty"].lengths) == {0}
    assert set(found["longest"].lengths) == {50}
    assert {0, 1, 50} < set(found["mixed"].lengths)
    assert found["validation"] is known
    assert max(cases(WORDS, None, sequences(np.array([3000])))[2].ragged.lengths) == 3000


@pytest.mark.parametrize("gates", [(0, 1, 2, 3), (0, 3, 2, 1), (3, 0, 1, 2)])
def test_gates_in_a_wrong_order_are_refused(monkeypatch, gates):
    predictor = network({"cell": "lstm"})
    right = compare(predictor, exported(predictor), Case("mixed", sequences(LENGTHS)))
    require([right], "here")
    assert right.difference < 1e-6
    order = lstm.onnx(lstm.Options())._replace(gates=gates)
    monkeypatch.setattr(lstm, "onnx", lambda options: order)
    wrong = compare(predictor, exported(predictor), Case("mixed", sequences(LENGTHS)))
    with pytest.raises(UserError, match="here: not exported, since onnxruntime and torch differ"):
        require([right, wrong], "here")


@pytest.mark.parametrize("difference", [1.01 * TOLERANCE, float("nan")])
def test_what_is_refused(difference):
    with pytest.raises(UserError, match="case 'empty'"):
        require([Agreement("empty", 2, 0, difference)], "here")


def test_eight_bits():
    import onnx

    predictor = network({"cell": "lstm", "hidden": 16, "bidirectional": True}, pooling=["max"])
    graph = graph_of(predictor, {})
    small = quantized(graph)
    operators = {node.op_type for node in onnx.load_from_string(small).graph.node}
    assert "DynamicQuantizeLSTM" in operators
    assert "LSTM" not in operators
    ragged = sequences(LENGTHS)
    exact, rounded = (
        OnnxModel(open_session(each, threads=1)).outputs(ragged)["scores"]
        for each in (graph, small)
    )
    assert 1e-6 < np.abs(exact - rounded).max() < 0.3


def test_the_cost_of_rounding():
    labels = np.array([0, 1, 1, 0])
    before = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]], np.float32)
    after = np.array([[0.8, 0.2], [0.7, 0.3], [0.4, 0.6], [0.4, 0.6]], np.float32)
    measured = cost(labels, ("no", "yes"), before, after)
    assert measured["float32"]["accuracy"] == 0.75
    assert measured["int8"]["accuracy"] == 0.5
    assert measured["accuracy_cost"] == 0.25
    assert (measured["changed"], measured["lost"], measured["won"]) == (3, 2, 1)
    assert measured["largest_change"] == pytest.approx(0.5)
