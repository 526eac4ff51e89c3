"""A data set as training sees it: tokenized splits, a validation part, labels in index order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from rnnlab.data.balance import Balance
from rnnlab.data.labels import label_order
from rnnlab.data.ragged import Ragged
from rnnlab.data.sources import Source
from rnnlab.data.texts import TextSplit, text_split
from rnnlab.data.token_cache import tokenized
from rnnlab.data.validation import validation_rows
from rnnlab.exceptions import UserError
from rnnlab.files import sha256_json
from rnnlab.registry import Component


@dataclass(frozen=True)
class TokenSplit:
    """A split (or a part of one), tokenized.

    Attributes:
        ragged: type numbers per example.
        types: the types that they number.
        labels: index into the data set's labels, int64[n].
        rows: position in the source's split that holds the example, int64[n].
    """

    ragged: Ragged
    types: Sequence[str]
    labels: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)


class Dataset:
    """Splits of one source under one tokenizer, with a validation part.

    Args:
        choice: the source as a config chooses it.
        tokenizer: likewise.
        fraction: share of train that becomes validation where the source has no "val".
        by: what must stay whole in that cut: "auto" for the source's groups if it has any,
            "example" for none, or the name of its groups.
        seed: of that cut.

    Raises:
        UserError: the source cannot be opened, or `by` names no group that it has.
    """

    def __init__(
        self, choice: Component, tokenizer: Component, *, fraction: float, by: str, seed: int
    ) -> None:
        self.name = choice.name
        self.source: Source = choice.module.open_source(choice.options)
        self._version: int = choice.module.VERSION
        self._tokenizer = tokenizer
        self._fraction, self._seed = fraction, seed
        self._grouped = by != "example" and self.source.group_kind is not None
        if by not in ("auto", "example", self.source.group_kind):
            groups = f"'{self.source.group_kind}'" if self.source.group_kind else "none"
            raise UserError(
                f"data.validation.by: {self.name} has no groups '{by}' (it has {groups}); "
                "for a table, data.group names the column"
            )

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of all splits, the validation part included."""
        own = self.source.splits
        return own if "val" in own else (own[0], "val", *own[1:])

    def texts(self, split: str) -> TextSplit:
        """The cached texts of one of the source's own splits."""
        return text_split(self.name, self._version, self.source, split)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Label names in index order: the source's, or those of train."""
        if self.source.labels is not None:
            return self.source.labels
        return label_order(self.texts("train").facts["labels"])

    @cached_property
    def balance(self) -> Balance:
        """Examples by label in the source's train split, a validation part that is cut from it
        included."""
        counts = self.texts("train").label_counts
        return Balance({label: counts.get(label, 0) for label in self.labels})

    @cached_property
    def _validation(self) -> npt.NDArray[np.int64]:
        train = self.texts("train")
        groups = train.groups if self._grouped else None
        return validation_rows(train.labels, groups, fraction=self._fraction, seed=self._seed)

    def holder(self, split: str) -> str:
        """The source's split in which the examples of `split` lie."""
        return "train" if split == "val" and "val" not in self.source.splits else split

    def rows(self, split: str) -> npt.NDArray[np.int64]:
        """Positions of a split's examples in the source's split that holds them."""
        everything = np.arange(len(self.texts(self.holder(split))))
        if "val" in self.source.splits or split not in ("train", "val"):
            return everything
        return self._validation if split == "val" else np.setdiff1d(everything, self._validation)

    def tokens(self, split: str, labels: tuple[str, ...] | None = None) -> TokenSplit:
        """Tokenize a split.

        Args:
            split: one of `splits`.
            labels: the model's label names; by default the data set's.

        Raises:
            UserError: no such split, or a label that is not among `labels` (its place is named).
        """
        if split not in self.splits:
            raise UserError(f"{self.name} has no split '{split}'; it has {', '.join(self.splits)}")
        texts = self.texts(self.holder(split))
        rows = self.rows(split)
        ragged, types = tokenized(texts, self._tokenizer.name, self._tokenizer.options)
        if len(rows) < len(ragged):
            ragged = ragged.select(rows)
        known = {name: number for number, name in enumerate(labels or self.labels)}
        table = np.array([known.get(name, -1) for name in texts.facts["labels"]] + [-1], np.int64)
        numbers = table[np.asarray(texts.labels)[rows]]
        if (numbers < 0).any():
            self._refuse_label(texts, int(rows[np.flatnonzero(numbers < 0)[0]]), split, list(known))
        return TokenSplit(ragged, types, numbers, rows)

    def _refuse_label(self, texts: TextSplit, row: int, split: str, known: list[str]) -> None:
        place = self.source.where(self.holder(split), row)
        number = int(texts.labels[row])
        if number < 0:
            raise UserError(f"{place}: split '{split}' has no labels; choose a labelled one")
        shown = ", ".join(known[:10]) + (", ..." if len(known) > 10 else "")
        raise UserError(
            f"{place}: label '{texts.facts['labels'][number]}' does not occur in the training data "
            f"(known: {shown}); correct it, or train on data that has it"
        )

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of what training reads: texts, labels and groups of train and validation."""
        names = [name for name in ("train", "val") if name in self.source.splits]
        return sha256_json([self.texts(name).facts["sha256"] for name in names])
