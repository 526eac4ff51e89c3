"""Accuracy where a cue is found in the text, and where it is not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab.analysis.scores import Score, difference_interval, score
from rnnlab.exceptions import UserError
from rnnlab.intervals import Interval
from rnnlab.registry import Registry

CUES = Registry("rnnlab.analysis.cues", "cue")

_ORDER = (
    *("negation", "contrast", "comparison", "intensifier", "sarcasm"),
    *("question", "exclamation", "capitals"),
)


@dataclass(frozen=True)
class Slice:
    """Texts with a cue beside those without.

    Attributes:
        name: of the cue.
        summary: what it is.
        present, absent: scores of the texts with it and without; together all texts.
    """

    name: str
    summary: str
    present: Score
    absent: Score

    @property
    def difference(self) -> float | None:
        """Accuracy with the cue less that without; None where one side has no texts."""
        if self.present.accuracy is None or self.absent.accuracy is None:
            return None
        return self.present.accuracy - self.absent.accuracy

    @property
    def interval(self) -> Interval | None:
        """Of the difference, 95 %."""
        return difference_interval(self.present, self.absent)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "name": self.name,
            "summary": self.summary,
            "present": self.present.to_dict(),
            "absent": self.absent.to_dict(),
            "difference": self.difference,
            "difference_interval": self.interval,
        }


def shipped_cues() -> dict[str, tuple[str, re.Pattern[str]]]:
    """Summary and pattern of each cue of the package, words first."""
    names = [*_ORDER, *(name for name in CUES.names if name not in _ORDER)]
    modules = {name: CUES.load(name) for name in names}
    return {
        name: (module.SUMMARY, re.compile(module.PATTERN, re.VERBOSE))
        for name, module in modules.items()
    }


def parse_patterns(given: Sequence[str]) -> dict[str, tuple[str, re.Pattern[str]]]:
    """Read NAME=REGEX, each a cue of the user's; case matters unless it says `(?i)`.

    Raises:
        UserError: one has no name, or is no regular expression.
    """
    cues = {}
    for text in given:
        name, equals, pattern = text.partition("=")
        if not equals or not name.strip() or not pattern:
            raise UserError(
                f"--slice {text}: give a name and a pattern, as in --slice 'film=film|movie'"
            )
        try:
            cues[name.strip()] = (pattern, re.compile(pattern))
        except re.error as error:
            raise UserError(
                f"--slice {name}: not a regular expression ({error}): {pattern}"
            ) from error
    return cues


def by_cue(
    cues: Mapping[str, tuple[str, re.Pattern[str]]],
    texts: Sequence[str],
    correct: npt.NDArray[np.bool_],
    groups: npt.NDArray[np.int64] | None,
) -> list[Slice]:
    """Score the texts with and without each cue."""
    slices = []
    for name, (summary, pattern) in cues.items():
        found = np.fromiter((pattern.search(text) is not None for text in texts), bool, len(texts))
        slices.append(
            Slice(name, summary, score(correct, found, groups), score(correct, ~found, groups))
        )
    return slices
