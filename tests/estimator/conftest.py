"""Small texts with a word that tells the label."""

from __future__ import annotations

import random

import pytest

CUES = {"bad": ["awful", "dull", "weak"], "good": ["great", "lovely", "superb"]}
OTHER = ["the", "a", "film", "plot", "story", "scene", "with", "and", "was", "in"]
SMALL = {
    **{"embedding_dim": 8, "hidden": 4, "epochs": 3, "lr": 0.02, "batch_size": 16},
    **{"threads": 1, "random_state": 0},
}


@pytest.fixture(scope="session")
def labels() -> list[str]:
    return ["good", "bad"] * 60


@pytest.fixture(scope="session")
def texts(labels) -> list[str]:
    chance = random.Random(0)
    found = []
    for label in labels:
        words = chance.choices(OTHER, k=6)
        words.insert(chance.randrange(7), chance.choice(CUES[label]))
        found.append(" ".join(words))
    return found


@pytest.fixture
def small() -> dict:
    """Parameters of a network that trains in a blink."""
    return dict(SMALL)
