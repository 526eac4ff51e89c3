"""Texts one after the other as a single stream of tokens, and how training cuts it.

A stream's vocabulary has no padding: entry 0 is the end of a text, entry 1 any unknown word.

Legend: N tokens, B columns, T steps of a window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rnnlab.data.ragged import Ragged
from rnnlab.data.vocabulary import UNKNOWN, Vocabulary
from rnnlab.exceptions import UserError

VERSION = 1
VARIATION_VERSION = 1
EOS = 0
SPECIAL = ("<eos>", "<unk>")

Tokens = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Stream:
    """A split as one sequence.

    Attributes:
        tokens: vocabulary indices, int32[N], with EOS after every text.
        texts: how many there are.
        alien: how many of the tokens are words that the vocabulary lacks; the data's own `<unk>`
            is not among them.
    """

    tokens: Tokens
    texts: int
    alien: int

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def unknown(self) -> int:
        """How many of the tokens are read as the unknown word, the data's own `<unk>` included."""
        return int(np.count_nonzero(self.tokens == UNKNOWN))

    def facts(self) -> dict[str, float | int]:
        """Counts for reports; `coverage` is the share of the tokens that the model knows."""
        return {
            "tokens": len(self),
            "unknown": self.unknown,
            "coverage": 1 - self.alien / max(len(self), 1),
        }


def stream_of(ragged: Ragged, types: Sequence[str], vocabulary: Vocabulary) -> Stream:
    """Encode tokenized texts (type numbers and the types) as a stream."""
    table = vocabulary.lookup(types)
    tokens = table[ragged.tokens] if len(types) else np.zeros(0, np.int32)
    own = np.array([word == SPECIAL[UNKNOWN] for word in types], bool)
    alien = (table == UNKNOWN) & ~own
    return Stream(
        np.insert(tokens, ragged.offsets[1:], EOS).astype(np.int32),
        texts=len(ragged),
        alien=int(np.count_nonzero(alien[ragged.tokens])) if len(types) else 0,
    )


def with_context(tokens: Tokens) -> npt.NDArray[np.int64]:
    """int64[N + 1]: the stream after its first context, the end of a text."""
    return np.concatenate([[EOS], tokens]).astype(np.int64)


def columns(tokens: Tokens, count: int) -> npt.NDArray[np.int64]:
    """Cut a stream into contiguous columns of N // count predictions.

    Row b holds the first context of column b and then its targets, so that neighbours share one
    token and every prediction but the last N % count is made once.

    Returns:
        int64[B, N // B + 1].

    Raises:
        UserError: the stream has fewer tokens than columns.
    """
    length = len(tokens) // count
    if length == 0:
        raise UserError(
            f"train.batch_size={count}: the training text has only {len(tokens):,} tokens, fewer "
            "than columns; lower it, or give more text"
        )
    whole = with_context(tokens)
    starts_B1 = length * np.arange(count)[:, None]
    return whole[starts_B1 + np.arange(length + 1)]


def windows(length: int, window: int) -> list[tuple[int, int]]:
    """First and last prediction (exclusive) of each window over a column; the last may be
    shorter."""
    return [(start, min(start + window, length)) for start in range(0, length, window)]


class Variation(NamedTuple):
    """How the lengths of windows vary.

    Source: Merity et al. 2018 (arXiv:1708.02182), section 4.1, with the numbers of its code.

    Attributes:
        half_share: probability of a window about half as long.
        deviation: standard deviation of the length, in steps.
        least: steps of the shortest window.
        seed: of the run.
    """

    half_share: float
    deviation: float
    least: int
    seed: int


def varied_windows(
    length: int, window: int, variation: Variation, epoch: int
) -> list[tuple[int, int]]:
    """First and last prediction (exclusive) of each window over a column; where they lie, differs
    from epoch to epoch. A pure function of its arguments.

    The last window takes what is left.
    """
    generator = np.random.default_rng([variation.seed, epoch])
    found, start = [], 0
    while start < length:
        mean = window / 2 if generator.random() < variation.half_share else window
        drawn = int(generator.normal(mean, variation.deviation))
        end = min(start + max(drawn, variation.least), length)
        found.append((start, end))
        start = end
    return found
