"""What a method of explanation returns, and what its caller makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab.explanation.alignment import Span


@dataclass(frozen=True)
class Attribution:
    """Numbers for the pieces of a text.

    Attributes:
        contributions: float64[pieces].
        quantity: what they are of, in words.
        note: how to read them, in a sentence.
        signed: whether they speak for or against the label; otherwise they only weigh.
        score: of the whole text; None where the contributions are of no score.
        baseline: the score that is not made by any piece.
        spans: where each piece lies; None where each token is a piece.
        facts: what else there is to tell, as JSON values.
    """

    contributions: npt.NDArray[np.float64]
    quantity: str
    note: str
    signed: bool = True
    score: float | None = None
    baseline: float | None = None
    spans: tuple[Span, ...] | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def gap(self) -> float | None:
        """Score - baseline - sum of the contributions: zero where they account for all of it; None
        where they do not claim to."""
        if self.score is None or self.baseline is None:
            return None
        return self.score - self.baseline - float(self.contributions.sum())


@dataclass(frozen=True)
class Piece:
    """A token or a sentence, and its number.

    Attributes:
        text: as it stands in the text, or the token where it cannot be found there.
        start, end: its characters; None where they cannot be told.
        contribution: its number.
        known: whether the model knows it; None for what is not one token.
    """

    text: str
    start: int | None
    end: int | None
    contribution: float
    known: bool | None


@dataclass(frozen=True)
class Explanation:
    """Why a model says what it says of a text, by one method.

    Attributes:
        method: its name.
        text: the whole text, as it was given.
        label: what the model predicts.
        explained: the label that the contributions speak for (above zero) or against.
        probabilities: of every label.
        pieces: in the order of the text; what truncation has left out is not among them.
        quantity, note: what the contributions are of, and how to read them.
        signed: whether they speak for or against the label; otherwise they only weigh.
        score: of the whole text; None where the contributions are of no score.
        baseline: the score that is not made by any piece, or None.
        gap: score - baseline - sum of the contributions; None where they do not claim to add up.
        cut: tokens that the model does not read, because the text is longer than its limit.
        facts: what else the method tells, as JSON values.
    """

    method: str
    text: str
    label: str
    explained: str
    probabilities: dict[str, float]
    pieces: tuple[Piece, ...]
    quantity: str
    note: str
    signed: bool
    score: float | None
    baseline: float | None
    gap: float | None
    cut: int
    facts: dict[str, Any]

    @property
    def total(self) -> float:
        """Sum of the contributions."""
        return sum(piece.contribution for piece in self.pieces)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {**vars(self), "pieces": [dict(vars(piece)) for piece in self.pieces]}
