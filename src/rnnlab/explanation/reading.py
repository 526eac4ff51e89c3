"""A text as a model reads it, token by token."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnlab.data.ragged import Ragged
from rnnlab.data.reader import TextReader
from rnnlab.data.vocabulary import UNKNOWN
from rnnlab.exceptions import UserError
from rnnlab.explanation.alignment import Span, align


@dataclass(frozen=True)
class Reading:
    """The tokens of a text that a model reads.

    Attributes:
        text: as it was given.
        tokens: those that truncation leaves, T of them.
        spans: where each lies in the text; None where that cannot be told.
        numbers: what the model sees of them, int32[T].
        cut: how many tokens truncation has left out.
    """

    text: str
    tokens: tuple[str, ...]
    spans: tuple[Span | None, ...]
    numbers: npt.NDArray[np.int32]
    cut: int

    def without(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """What the model sees where the tokens at these places are left out; of nothing, one
        unknown word."""
        rest = np.delete(self.numbers, places)
        return rest if len(rest) else np.array([UNKNOWN], np.int32)


def read(reader: TextReader, text: str) -> Reading:
    """Read a text as the model does.

    Raises:
        UserError: the text has no token that the model knows.
    """
    tokens = reader.tokens(text)
    breaks = getattr(reader.tokenizer.options, "html_breaks", False)
    spans = align(text, tokens, html_breaks=breaks)
    kept = reader.kept(len(tokens))
    read_tokens = tuple(tokens[place] for place in kept)
    numbers = reader.vocabulary.lookup(read_tokens)
    if not (numbers != UNKNOWN).any():
        raise UserError(
            "no word of the text is known to the model, so none can be explained: give a text like "
            "those that it was trained on"
        )
    read_spans = tuple(spans[place] for place in kept)
    return Reading(text, read_tokens, read_spans, numbers, len(tokens) - len(kept))


def ragged_of(sequences: list[npt.NDArray[np.int32]]) -> Ragged:
    """Sequences of token numbers as one array."""
    lengths = np.array([len(sequence) for sequence in sequences], np.int64)
    return Ragged.from_lengths(np.concatenate(sequences), lengths)
