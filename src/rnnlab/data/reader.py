"""From raw texts to what a model sees. The same object reads training data and new texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab.data.ragged import Ragged, Truncation
from rnnlab.data.token_cache import tokenize_all
from rnnlab.data.tokenizing import build, provenance
from rnnlab.data.vocabulary import UNKNOWN, Vocabulary
from rnnlab.registry import Component

VERSION = 1


def mostly_unknown(facts: Mapping[str, float]) -> bool:
    """Whether more than half of some texts' tokens are unknown: the model was made for others.

    Args:
        facts: `tokens` and `coverage` of the texts.
    """
    return facts["tokens"] > 0 and facts["coverage"] < 0.5


@dataclass(frozen=True)
class Encoded:
    """Texts as vocabulary indices.

    Attributes:
        ragged: one sequence a text, none empty, none longer than the reader allows.
        tokens: before truncation.
        known: of those, how many are in the vocabulary.
        texts_cut: how many texts were truncated.
        texts_empty: how many had no token, and are read as one unknown word.
    """

    ragged: Ragged
    tokens: int
    known: int
    texts_cut: int
    texts_empty: int

    def facts(self) -> dict[str, float | int]:
        """Shares for reports: `coverage` of tokens, `cut_tokens`, `cut_texts`."""
        total = max(self.tokens, 1)
        return {
            "tokens": self.tokens,
            "coverage": self.known / total,
            "cut_tokens": max(0.0, 1 - (len(self.ragged.tokens) - self.texts_empty) / total),
            "cut_texts": self.texts_cut / max(len(self.ragged), 1),
        }


@dataclass(frozen=True)
class TextReader:
    """Tokenizer, vocabulary and truncation.

    Attributes:
        tokenizer: a component of `rnnlab.data.tokenizers`.
        vocabulary: of the model.
        max_tokens: longer texts are cut; None for full length.
        truncation: which end is kept.
        learned: what the tokenizer learned, if it is one that learns.
    """

    tokenizer: Component
    vocabulary: Vocabulary
    max_tokens: int | None
    truncation: Truncation
    learned: bytes | None = None

    @cached_property
    def _tokenize(self) -> Any:
        return build(self.tokenizer, self.learned)

    def provenance(self) -> dict[str, Any]:
        """What its tokens depend on besides settings; see `rnnlab.data.tokenizing`."""
        return provenance(self.tokenizer, self.learned)

    def tokenize(self, texts: Iterable[str]) -> tuple[Ragged, Sequence[str]]:
        """Type numbers per text, and the types that they number."""
        return tokenize_all(texts, self._tokenize)

    def read(self, texts: Iterable[str]) -> Encoded:
        """Tokenize and encode texts."""
        return self.encode(*self.tokenize(texts))

    def tokens(self, text: str) -> list[str]:
        """The tokens of one text, before truncation."""
        return self._tokenize(text)

    def kept(self, count: int) -> npt.NDArray[np.int64]:
        """Which of a text's `count` tokens are left by truncation: their places, in order."""
        places = Ragged(np.arange(count, dtype=np.int32), np.array([0, count], np.int64))
        cut = (
            places if self.max_tokens is None else places.truncate(self.max_tokens, self.truncation)
        )
        return cut.tokens.astype(np.int64)

    def encode(self, ragged: Ragged, types: Sequence[str]) -> Encoded:
        """Encode texts that are tokenized already (type numbers and the types)."""
        whole = self.vocabulary.encode(ragged, types)
        cut = whole if self.max_tokens is None else whole.truncate(self.max_tokens, self.truncation)
        return Encoded(
            cut,
            tokens=len(ragged.tokens),
            known=int(np.count_nonzero(whole.tokens != UNKNOWN)),
            texts_cut=int(np.count_nonzero(cut.lengths < whole.lengths)),
            texts_empty=int(np.count_nonzero(ragged.lengths == 0)),
        )
