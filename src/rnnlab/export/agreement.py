"""Whether onnxruntime gives what the model itself gives."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rnnlab.data.ragged import Ragged
from rnnlab.data.vocabulary import UNKNOWN
from rnnlab.exceptions import UserError
from rnnlab.export.forms import Answers, answers
from rnnlab.export.predictor import OnnxModel
from rnnlab.predictor import Predictor

TOLERANCE = 1e-5

_LONGEST = 2048  # where the model cuts nothing and no longer text is known
_TEXTS = 32


class Case(NamedTuple):
    """Sequences to compare on.

    Attributes:
        name: what they are.
        ragged: as onnxruntime gets them; one may be empty.
    """

    name: str
    ragged: Ragged


class Agreement(NamedTuple):
    """How near both are.

    Attributes:
        case: what was compared.
        texts: how many.
        longest: tokens of the longest.
        difference: the largest one of a probability, or of a score in units of the largest score
            where that is more than 1.
    """

    case: str
    texts: int
    longest: int
    difference: float


def cases(vocabulary_size: int, max_tokens: int | None, known: Ragged | None) -> list[Case]:
    """Texts of random tokens: of length 1, empty, longest, and mixed; and known ones.

    Args:
        vocabulary_size: of the model.
        max_tokens: that it reads, or None for all.
        known: real texts; the longest random text is as long as the longest of them if the model
            cuts none.
    """
    real = 0 if known is None else int(known.lengths.max())
    longest = max_tokens or max(real, _LONGEST)
    chance = np.random.default_rng(0)
    mixed = chance.integers(0, min(longest, 200) + 1, _TEXTS)
    mixed[:3] = 0, 1, longest
    shapes = {
        "one token": np.ones(_TEXTS, np.int64),
        "empty": np.zeros(2, np.int64),
        "longest": np.full(2, longest),
        "mixed": chance.permutation(mixed),
    }
    found = [
        Case(
            name, Ragged.from_lengths(_random(chance, int(lengths.sum()), vocabulary_size), lengths)
        )
        for name, lengths in shapes.items()
    ]
    return found if known is None else [*found, Case("validation", known)]


def compare(predictor: Predictor, exported: OnnxModel, case: Case) -> Agreement:
    """Compare on one case."""
    ragged = case.ragged
    empty = ragged.lengths == 0
    filled = np.insert(ragged.tokens, ragged.offsets[:-1][empty], UNKNOWN).astype(np.int32)
    own = answers(predictor, Ragged.from_lengths(filled, np.maximum(ragged.lengths, 1)))
    given = exported.outputs(ragged)
    difference = _difference(own, Answers(given["scores"], given["probabilities"]))
    return Agreement(case.name, len(ragged), int(ragged.lengths.max()), difference)


def require(results: list[Agreement], origin: str) -> None:
    """Refuse a model on which both differ.

    Raises:
        UserError: in some case the difference is more than `TOLERANCE`, or no number.
    """
    for result in results:
        if not result.difference <= TOLERANCE:
            raise UserError(
                f"{origin}: not exported, since onnxruntime and torch differ by "
                f"{result.difference:.1e} on texts of case '{result.case}' (at most {TOLERANCE:g} "
                "is allowed); try another version of onnxruntime, or `rnnlab serve RUN`"
            )


def _difference(own: Answers, given: Answers) -> float:
    scale = max(1.0, float(np.abs(own.scores).max()))
    scores = np.abs(own.scores - given.scores).max() / scale
    return float(np.maximum(scores, np.abs(own.probabilities - given.probabilities).max()))


def _random(chance: np.random.Generator, count: int, vocabulary_size: int) -> npt.NDArray[np.int32]:
    return chance.integers(UNKNOWN, vocabulary_size, count).astype(np.int32)
