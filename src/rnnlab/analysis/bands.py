"""Accuracy in bands of a figure: length, share of unknown words, a column of numbers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab.analysis.scores import Score, score
from rnnlab.exceptions import UserError

_STEPS = [factor * 10**power for power in range(6) for factor in (1, 2, 5)]
_MOST_STEPS = 6


@dataclass(frozen=True)
class Band:
    """Texts whose figure is in a range, or whose column has a value.

    Attributes:
        label: as people read it.
        low, high: from, and up to but without; None where open, or for a value.
        score: of these texts.
    """

    label: str
    low: float | None
    high: float | None
    score: Score

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"label": self.label, "low": self.low, "high": self.high, **self.score.to_dict()}


@dataclass(frozen=True)
class Bands:
    """All texts, cut by one figure.

    Attributes:
        name: of the figure.
        unit: of its values.
        bands: in order; every text is in one.
    """

    name: str
    unit: str
    bands: tuple[Band, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        bands = [band.to_dict() for band in self.bands]
        return {"name": self.name, "unit": self.unit, "bands": bands}


def length_edges(lengths: npt.NDArray[np.int64]) -> list[int]:
    """Multiples of a round step, at most six, up to what nine of ten texts do not exceed; for
    IMDB's reviews 100 to 500, as system D has them."""
    most = float(np.quantile(lengths, 0.9))
    step = next((step for step in _STEPS if most / step <= _MOST_STEPS), _STEPS[-1])
    return [step * number for number in range(1, max(1, int(most // step)) + 1)]


def parse_edges(text: str) -> list[int]:
    """Read "100,200,300".

    Raises:
        UserError: these are not growing whole numbers above 0.
    """
    try:
        edges = [int(part) for part in text.split(",")]
    except ValueError:
        edges = []
    if not edges or edges[0] < 1 or any(b <= a for a, b in itertools.pairwise(edges)):
        raise UserError(f"--bins {text}: give growing numbers of tokens, as in --bins 100,200,400")
    return edges


def by_length(
    lengths: npt.NDArray[np.int64],
    edges: Sequence[int],
    correct: npt.NDArray[np.bool_],
    groups: npt.NDArray[np.int64] | None,
) -> Bands:
    """Accuracy by tokens before truncation."""
    limits = [0, *edges, None]
    bands = []
    for low, high in itertools.pairwise(limits):
        assert low is not None
        inside = (lengths >= low) & (True if high is None else lengths < high)
        label = f"{low:,}+" if high is None else f"{low:,}-{high:,}"
        bands.append(Band(label, low, high, score(correct, inside, groups)))
    return Bands("length", "tokens", tuple(bands))


def by_quarter(
    name: str,
    unit: str,
    values: npt.NDArray[np.float64],
    correct: npt.NDArray[np.bool_],
    groups: npt.NDArray[np.int64] | None,
) -> Bands:
    """Accuracy in quarters of the texts by a figure; equal values stay together, so that there may
    be fewer. Texts with a value of NaN have a band of their own."""
    known = values[~np.isnan(values)]
    edges = np.unique(np.quantile(known, [0.25, 0.5, 0.75])) if len(known) else np.zeros(0)
    edges = [float(edge) for edge in edges if edge < known.max()]
    limits = [-np.inf, *edges, np.inf]
    bands = []
    for above, most in itertools.pairwise(limits):
        inside = (values > above) & (values <= most)
        low, high = _or_none(above), _or_none(most)
        bands.append(Band(_range(low, high, unit), low, high, score(correct, inside, groups)))
    if len(known) < len(values):
        bands.append(Band("none", None, None, score(correct, np.isnan(values), groups)))
    return Bands(name, unit, tuple(bands))


def by_value(
    name: str,
    values: Sequence[str],
    correct: npt.NDArray[np.bool_],
    groups: npt.NDArray[np.int64] | None,
) -> Bands:
    """Accuracy by each value of a column."""
    column = np.array(values, object)
    bands = [
        Band(value or "(empty)", None, None, score(correct, column == value, groups))
        for value in sorted(set(values))
    ]
    return Bands(name, "value", tuple(bands))


def _or_none(limit: float) -> float | None:
    return float(limit) if np.isfinite(limit) else None


def _range(low: float | None, high: float | None, unit: str) -> str:
    def text(value: float) -> str:
        return f"{value:.1%}" if unit == "share" else f"{value:g}"

    if low is None and high is None:
        return "all"
    if low is None:
        assert high is not None
        return text(high) if high == 0 else f"up to {text(high)}"
    return f"over {text(low)}" if high is None else f"{text(low)} to {text(high)}"
