"""Surprisals, a tuned temperature and dynamic evaluation, in float64 against slow references."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar

from rnnlab.data.streams import Stream
from rnnlab.models.kinds import language_model
from rnnlab.models.language_model import LanguageModel
from rnnlab.tasks import dynamic_evaluation, language_modeling
from rnnlab.tasks.dynamic_evaluation import Adaptation, gradient_sizes, score_dynamically, tune
from rnnlab.tasks.language_modeling import LanguageModeling, surprisals
from rnnlab.tasks.softmax_temperature import fit_temperature, score_at_temperature

VOCABULARY = 7


def build() -> LanguageModel:
    torch.manual_seed(3)
    options = language_model.Options.model_validate(
        {
            "embedding": {"dim": 3},
            "encoder": {"cell": "gru", "hidden": 4, "layers": 2},
            "initial_range": 0.9,
        }
    )
    return language_model.build(options, vocabulary_size=VOCABULARY).double()


def stream(count: int, seed: int = 0) -> Stream:
    """Each token tends to be followed by the next one."""
    chance = np.random.default_rng(seed)
    steps = chance.choice([1, 2, 5], count, p=[0.8, 0.1, 0.1])
    return Stream((steps.cumsum() % VOCABULARY).astype(np.int32), texts=1, alien=0)


def parameters_of(model: LanguageModel) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in model.parameters()]


def test_surprisals_add_up_to_the_perplexity():
    model, text = build(), stream(1100)
    found = surprisals(model, text.tokens)
    assert found.shape == (1100,)
    assert found.sum(dtype=np.float64) == pytest.approx(
        LanguageModeling().score(model, text).nats, rel=1e-12
    )
    prefix = surprisals(model, text.tokens[:30])
    np.testing.assert_allclose(prefix, found[:30], rtol=1e-12)
    assert surprisals(model, text.tokens[:0]).shape == (0,)


def test_no_more_than_a_slab_of_probabilities_is_held(monkeypatch):
    model, text = build(), stream(1100)
    whole = surprisals(model, text.tokens), fit_temperature(model, text)
    monkeypatch.setattr(language_modeling, "SLAB_NUMBERS", 5 * VOCABULARY + 1)
    with torch.inference_mode():
        found = list(language_modeling.log_probabilities(model, text.tokens))
    assert {logs.shape for logs, _ in found} == {(5, VOCABULARY)}
    np.testing.assert_allclose(surprisals(model, text.tokens), whole[0], rtol=1e-12)
    assert fit_temperature(model, text) == pytest.approx(whole[1], rel=1e-9)


@torch.no_grad()
def drawn_from(model: LanguageModel, count: int, temperature: float) -> Stream:
    """A stream of the model's own words at a temperature."""
    chance = torch.Generator().manual_seed(0)
    tokens, state = [0], None
    for _ in range(count):
        features, state = model(torch.tensor([[tokens[-1]]]), state)
        weights = torch.softmax(model.head(features[0, 0]) / temperature, -1)
        tokens.append(int(torch.multinomial(weights, 1, generator=chance)))
    return Stream(np.array(tokens[1:], np.int32), texts=1, alien=0)


def test_the_temperature_is_the_best_there_is():
    model = build()
    text = drawn_from(model, 2000, 1.6)
    temperature = fit_temperature(model, text)

    def loss(value: float) -> float:
        with torch.no_grad():
            tokens = torch.from_numpy(np.concatenate([[0], text.tokens]).astype(np.int64))
            features, _ = model(tokens[None, :-1], None)
            logits = model.head(features[0]) / value
            return torch.nn.functional.cross_entropy(logits, tokens[1:], reduction="sum").item()

    best = minimize_scalar(loss, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-7})
    assert temperature == pytest.approx(best.x, rel=1e-4)
    assert temperature == pytest.approx(1.6, rel=0.1)
    for value in (temperature, 0.5, 3.0):
        scored = score_at_temperature(model, text, value)
        assert scored.nats == pytest.approx(loss(value), rel=1e-12)
        assert scored.tokens == 2000


def test_a_model_that_does_not_learn_is_scored_as_ever():
    model, text = build(), stream(150)
    sizes = gradient_sizes(model, stream(300, seed=1))
    found = score_dynamically(model, text, Adaptation(0.0, 0.0), sizes)
    assert found.nats == pytest.approx(LanguageModeling().score(model, text).nats, rel=1e-12)


def test_dynamic_evaluation_is_its_definition():
    """One segment at a time by hand: predict, then theta -= eta g / (rms + eps), then decay."""
    model, text = build(), stream(70)
    before = parameters_of(model)
    sizes = gradient_sizes(model, stream(300, seed=1))
    found = score_dynamically(model, text, Adaptation(0.05, 0.02), sizes)
    assert all(map(torch.equal, parameters_of(model), before))
    assert not any(parameter.grad is not None for parameter in model.parameters())

    learner = build()
    mean = sum(float(size.sum()) for size in sizes) / sum(size.numel() for size in sizes)
    tokens = torch.from_numpy(np.concatenate([[0], text.tokens]).astype(np.int64))
    state, total = None, 0.0
    for first in range(0, 70, dynamic_evaluation.SEGMENT):
        end = min(first + dynamic_evaluation.SEGMENT, 70)
        features, state = learner(tokens[None, first:end], state)
        state = tuple(part.detach() for part in state)
        nats = torch.nn.functional.cross_entropy(
            learner.head(features[0]), tokens[first + 1 : end + 1], reduction="sum"
        )
        total += nats.item()
        learner.zero_grad()
        (nats / (end - first)).backward()
        with torch.no_grad():
            for parameter, start, size in zip(learner.parameters(), before, sizes, strict=True):
                gradient = parameter.grad
                assert gradient is not None
                parameter.sub_(0.05 * gradient.to_dense() / (size + 1e-3))
                parameter.add_((start - parameter) * (0.02 * size / mean).clamp(max=1))
    assert found.nats == pytest.approx(total, rel=1e-10)


def test_what_is_learned_from_helps_no_token_before_it():
    model, text = build(), stream(80)
    sizes = gradient_sizes(model, stream(300, seed=1))
    changed = copy.copy(text.tokens)
    changed[60:] = (changed[60:] + 1) % VOCABULARY
    short = [
        score_dynamically(model, Stream(tokens[:60], 1, 0), Adaptation(0.1, 0.01), sizes).nats
        for tokens in (text.tokens, changed)
    ]
    assert short[0] == short[1]


def test_tuning_finds_that_learning_helps():
    model, val = build(), stream(600, seed=4)
    sizes = gradient_sizes(model, stream(300, seed=1))
    adaptation = tune(model, val, sizes)
    static = LanguageModeling().score(model, val).nats
    assert score_dynamically(model, val, adaptation, sizes).nats < 0.9 * static
