"""Small models with random weights, and readers for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from rnnlab.data.reader import TextReader
from rnnlab.data.vocabulary import SPECIAL, Vocabulary
from rnnlab.models.kinds import neural
from rnnlab.predictor import Network, Predictor
from rnnlab.registry import MODELS, TOKENIZERS, Component
from rnnlab.tasks.classification import Classification

WORDS = [
    "the",
    "film",
    "was",
    "not",
    "good",
    "bad",
    "great",
    "dull",
    "but",
    "and",
    "plot",
    "a",
    "very",
]


def reader_of(
    tokenizer: str = "words",
    max_tokens: int | None = None,
    truncation: Any = "head",
    **options: Any,
) -> TextReader:
    component = Component(
        TOKENIZERS, tokenizer, TOKENIZERS.load(tokenizer).Options.model_validate(options)
    )
    return TextReader(component, Vocabulary((*SPECIAL, *WORDS)), max_tokens, truncation)


def network_of(labels: tuple[str, ...] = ("bad", "good"), **settings: Any) -> Predictor:
    """A network in float64 with random weights."""
    settings.setdefault("embedding", {"dim": 5})
    options = neural.Options.model_validate(settings)
    torch.manual_seed(3)
    model = neural.build(options, vocabulary_size=len(WORDS) + 2, num_classes=len(labels))
    model.double().requires_grad_(False)
    return Predictor(
        Component(MODELS, "neural", options),
        Network(model, Classification()),
        reader_of(),
        labels,
    )


def fitted_of(kind: str, labels: tuple[str, ...] = ("bad", "good"), **settings: Any) -> Predictor:
    """A linear model, or the majority class, fitted to random texts."""
    module = MODELS.load(kind)
    options = module.Options.model_validate(settings)
    chance = np.random.default_rng(5)
    texts = [" ".join(chance.choice(WORDS, size=chance.integers(3, 9))) for _ in range(60)]
    reader = reader_of()
    fitted = module.fit(
        options,
        reader.read(texts).ragged,
        chance.integers(len(labels), size=60),
        vocabulary_size=len(reader.vocabulary),
        num_classes=len(labels),
        class_weights=None,
    )
    return Predictor(Component(MODELS, kind, options), fitted, reader, labels)


@pytest.fixture
def network():
    """Build a network: network(labels, **settings)."""
    return network_of


@pytest.fixture
def fitted():
    """Build a fitted model: fitted(kind, labels, **settings)."""
    return fitted_of


@pytest.fixture
def reader():
    """Build a reader: reader(tokenizer, max_tokens, truncation, **options)."""
    return reader_of
