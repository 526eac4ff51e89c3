"""Figures of merit of a language model. Free of torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


def perplexity(loss: float) -> float:
    """exp(loss) of nats a token; infinite where that is beyond what a float holds."""
    return math.exp(loss) if loss < 700 else math.inf


@dataclass(frozen=True)
class StreamMetrics:
    """What is known of predictions on a stream in which every token was predicted once.

    Attributes:
        nats: summed negative log-likelihood of all tokens.
        tokens: predicted, ends of texts counted.
        unknown: how many of those are the unknown word.
    """

    nats: float
    tokens: int
    unknown: int

    @property
    def loss(self) -> float:
        """Nats a token."""
        return self.nats / self.tokens

    @property
    def perplexity(self) -> float:
        """exp(total nats / total tokens)."""
        return perplexity(self.loss)

    def figures(self) -> dict[str, float]:
        """What a row of epochs.csv says of them."""
        return {"loss": self.loss, "perplexity": self.perplexity}

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return {
            **self.figures(),
            "tokens": self.tokens,
            "unknown": self.unknown,
            "bits_per_token": self.loss / math.log(2),
        }
