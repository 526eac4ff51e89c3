"""Texts that the caller holds in memory: checked, and made ready as those of a source are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab.data import tokenizing
from rnnlab.data.balance import Balance
from rnnlab.data.dataset import TokenSplit
from rnnlab.data.token_cache import tokenize_all
from rnnlab.data.validation import validation_rows
from rnnlab.registry import Component

MIN_VALIDATION_TEXTS = 10


def checked_texts(texts: Any) -> list[str]:
    """Return texts as a list: of a list, tuple, NumPy array or pandas column of strings.

    Raises:
        ValueError: that is not what was given, there is none, or one is missing or not a string
            (its position is named).
    """
    if isinstance(texts, str | bytes):
        raise ValueError("expected a list of texts, got a single one: write [text]")
    shape = getattr(texts, "shape", None)
    if isinstance(texts, Mapping) or (shape is not None and len(shape) != 1):
        what = type(texts).__name__ + ("" if shape is None else f" of shape {shape}")
        raise ValueError(f"expected a list of texts, got a {what}: give one column of texts")
    try:
        found = list(texts)
    except TypeError:
        raise ValueError(f"expected a list of texts, got {type(texts).__name__}") from None
    if not found:
        raise ValueError("expected at least one text, got none (0 samples)")
    for number, text in enumerate(found):
        if not isinstance(text, str):
            raise ValueError(
                f"texts[{number}] is {_described(text)}, not a string: fill it in or leave it out"
            )
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise ValueError(f"texts[{number}] is not valid Unicode: {error.reason}") from None
    return found


def _described(value: Any) -> str:
    kind = type(value).__name__
    is_nan = isinstance(value, float) and math.isnan(value)
    if value is None or is_nan or kind in ("NAType", "NaTType"):  # the last two are pandas'
        return f"missing ({value})"
    return f"{kind} {value!r:.40}"


class MemoryDataset:
    """Labelled texts, cut into train and validation and tokenized as `Dataset` does it.

    The same texts in the same order give what a table of them gives. Nothing is kept on disk.

    Args:
        texts: all of them.
        numbers: index into `labels` for each, int64[n].
        labels: names in index order.
        tokenizer: a component of `rnnlab.data.tokenizers`.
        fraction: share of each class that becomes validation. There is no validation part where it
            is 0 or would give fewer than MIN_VALIDATION_TEXTS texts.
        seed: of that cut.

    Raises:
        UserError: the fraction leaves nothing to train on.
    """

    def __init__(
        self,
        texts: list[str],
        numbers: npt.NDArray[np.int64],
        labels: tuple[str, ...],
        tokenizer: Component,
        *,
        fraction: float,
        seed: int,
    ) -> None:
        self.labels = labels
        self.held_out = self.content_hash = None
        self._numbers = numbers
        self._validation = np.zeros(0, np.int64)
        if sum(round(fraction * n) for n in np.bincount(numbers)) >= MIN_VALIDATION_TEXTS:
            self._validation = validation_rows(
                _by_appearance(numbers), None, fraction=fraction, seed=seed
            )
        self.tokenizer = tokenizer
        self.learned: bytes | None = None
        if tokenizing.learns(tokenizer):
            self.learned = tokenizing.learn(tokenizer, [texts[i] for i in self._rows("train")])
        tokenize = tokenizing.build(tokenizer, self.learned)
        self._ragged, self._types = tokenize_all(texts, tokenize)

    def balance(self, split: str) -> Balance:
        """Examples by label, whatever the split: validation is cut from train, as in a table."""
        counts = np.bincount(self._numbers, minlength=len(self.labels)).tolist()
        return Balance(dict(zip(self.labels, counts, strict=True)))

    def tokens(self, split: str) -> TokenSplit:
        """The part "train" or "val"; "val" may be empty."""
        rows = self._rows(split)
        return TokenSplit(self._ragged.select(rows), self._types, self._numbers[rows], rows)

    def _rows(self, split: str) -> npt.NDArray[np.int64]:
        if split == "val":
            return self._validation
        return np.setdiff1d(np.arange(len(self._numbers)), self._validation)


def _by_appearance(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """Number the classes by first appearance, as a source's cached labels are: the same cut."""
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first)).astype(np.int32)[inverse]
