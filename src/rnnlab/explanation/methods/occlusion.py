"""Leave a token out and read the text again.

Source: Li, Monroe & Jurafsky 2016 (arXiv:1612.08220), eq. 1, on the log odds.
"""

from __future__ import annotations

import numpy as np

from rnnlab.explanation.attribution import Attribution
from rnnlab.explanation.reading import Reading, ragged_of
from rnnlab.explanation.score import log_odds
from rnnlab.predictor import Predictor

SUMMARY = "leave out one token at a time"
RANK = 2


def refusal(predictor: Predictor) -> str:
    """Any model can read less."""
    return ""


def attribute(predictor: Predictor, reading: Reading, target: int) -> Attribution:
    """By how much the log odds fall where each token is left out."""
    places = [np.array([place]) for place in range(len(reading.tokens))]
    score, drops = losses(predictor, reading, target, places)
    return Attribution(
        drops,
        quantity=f"log odds of '{predictor.labels[target]}'",
        note=(
            "By how much the log odds fall when the token is left out. Tokens that say the same "
            "can each be left out for little, so these numbers do not add up to the score."
        ),
        score=score,
    )


def losses(
    predictor: Predictor, reading: Reading, target: int, groups: list[np.ndarray]
) -> tuple[float, np.ndarray]:
    """The score of a text, and by how much it falls where each group of tokens is left out.

    Args:
        predictor: the model.
        reading: the text.
        target: column of the label.
        groups: places of the tokens of each group.
    """
    shorter = [reading.without(places) for places in groups]
    texts = ragged_of([reading.numbers, *shorter])
    scores = log_odds(predictor.fitted.probabilities(texts), target)
    return float(scores[0]), scores[0] - scores[1:]
