"""A data set as training sees it: tokenized splits, a validation part, labels in index order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from rnnlab.data.balance import Balance
from rnnlab.data.folds import fold_numbers
from rnnlab.data.labels import label_order
from rnnlab.data.ragged import Ragged, joined
from rnnlab.data.sources import Source
from rnnlab.data.subset import subset_rows
from rnnlab.data.texts import TextSplit, plain, text_split
from rnnlab.data.token_cache import learned_state, tokenized
from rnnlab.data.tokenizing import provenance
from rnnlab.data.validation import group_numbers, validation_rows
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
        groups: what must stay whole: a number per example, int64[n]; None where nothing must.
    """

    ragged: Ragged
    types: Sequence[str]
    labels: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def select(self, chosen: npt.NDArray[np.int64]) -> TokenSplit:
        """These examples of it alone, by position, in this order."""
        return TokenSplit(
            self.ragged.select(chosen),
            self.types,
            self.labels[chosen],
            self.rows[chosen],
            None if self.groups is None else self.groups[chosen],
        )

    def followed_by(self, other: TokenSplit) -> TokenSplit:
        """Its examples, then those of another, each of which is a group of its own."""
        ragged, types = joined([(self.ragged, self.types), (other.ragged, other.types)])
        groups = self.groups
        if groups is not None:
            own = np.arange(len(other)) + groups.max(initial=-1) + 1
            groups = np.concatenate([groups, own])
        return TokenSplit(
            ragged,
            types,
            np.concatenate([self.labels, other.labels]),
            np.concatenate([self.rows, other.rows]),
            groups,
        )


class Dataset:
    """Splits of one source under one tokenizer, with a validation part.

    Args:
        choice: the source as a config chooses it.
        tokenizer: likewise.
        fraction: share of train that becomes validation where the source has no "val".
        by: what must stay whole in that cut: "auto" for the source's groups if it has any,
            "example" for none, or the name of its groups.
        seed: of that cut.
        fold: its number (from 1) and the number of folds: validation is this fold of train, also
            where the source has a "val", which is then left alone.
        subset: share and seed of the part of train that is learned from; None for all of it. Of
            texts without labels, which are a stream, it is the beginning.
        learned: what the tokenizer learned when a model was trained; by default it learns from
            the training part.

    Raises:
        UserError: the source cannot be opened, `by` names no group that it has, or the
            tokenizer's library is missing.
    """

    def __init__(
        self,
        choice: Component,
        tokenizer: Component,
        *,
        fraction: float,
        by: str,
        seed: int,
        fold: tuple[int, int] | None = None,
        subset: tuple[float, int] | None = None,
        learned: bytes | None = None,
    ) -> None:
        provenance(tokenizer)  # a missing library is reported before anything is read
        self.name = choice.name
        self.source: Source = choice.module.open_source(choice.options)
        self._version: int = choice.module.VERSION
        self.tokenizer = tokenizer
        self._learned = learned
        self._fraction, self._seed, self._fold, self._subset = fraction, seed, fold, subset
        self.cuts_validation = fold is not None or "val" not in self.source.splits
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

    def balance(self, split: str) -> Balance:
        """Examples by label in the source's split that holds those of `split`: for train, and for a
        validation part that is cut from it, the whole of train."""
        counts = self.texts(self.holder(split)).label_counts
        return Balance({label: counts.get(label, 0) for label in self.labels})

    @cached_property
    def groups(self) -> npt.NDArray[np.int64] | None:
        """What must stay whole: a number from 0 per example of the source's train, or None."""
        return group_numbers(self.texts("train").groups) if self._grouped else None

    def folds(self, count: int) -> npt.NDArray[np.int64]:
        """The fold, from 1, of each example of the source's train."""
        labels = self.texts("train").labels
        return fold_numbers(labels, self.groups, folds=count, seed=self._seed)

    @cached_property
    def _validation(self) -> npt.NDArray[np.int64]:
        if self._fold is not None:
            number, count = self._fold
            return np.flatnonzero(self.folds(count) == number)
        labels = self.texts("train").labels
        return validation_rows(labels, self.groups, fraction=self._fraction, seed=self._seed)

    @cached_property
    def _train(self) -> npt.NDArray[np.int64]:
        train = self.texts("train")
        rows = np.arange(len(train))
        if self.cuts_validation:
            rows = np.setdiff1d(rows, self._validation)
        if self._subset is None:
            return rows
        fraction, seed = self._subset
        if not self.source.labels and (np.asarray(train.labels) < 0).all():
            return rows[: max(1, round(fraction * len(rows)))]  # a stream: its beginning
        groups = None if self.groups is None else self.groups[rows]
        return rows[subset_rows(train.labels[rows], groups, fraction=fraction, seed=seed)]

    @cached_property
    def learned(self) -> bytes | None:
        """What the tokenizer learned, by default from the training part alone; None if it learns
        nothing."""
        if self._learned is not None:
            return self._learned
        return learned_state(self.texts("train"), self.rows("train"), self.tokenizer)

    def holder(self, split: str) -> str:
        """The source's split in which the examples of `split` lie."""
        return "train" if split == "val" and self.cuts_validation else split

    def rows(self, split: str) -> npt.NDArray[np.int64]:
        """Positions of a split's examples in the source's split that holds them."""
        if split == "train":
            return self._train
        if split == "val" and self.cuts_validation:
            return self._validation
        return np.arange(len(self.texts(split)))

    def held_out_texts(self) -> set[str]:
        """The texts of validation and test, as `plain` gives them."""
        return {
            plain(text)
            for split in ("val", "test")
            if split in self.splits
            for text in self.texts(self.holder(split)).texts(self.rows(split))
        }

    def rows_apart(self, texts: Iterable[str]) -> npt.NDArray[np.int64]:
        """Positions of the texts that are not in validation or test."""
        held_out = self.held_out_texts()
        return np.flatnonzero([plain(text) not in held_out for text in texts])

    @cached_property
    def held_out(self) -> dict[str, str]:
        """Which texts are validation: hashes of the texts that hold them, and of their rows."""
        rows = hashlib.sha256(self.rows("val").tobytes()).hexdigest()
        return {"texts": self.texts(self.holder("val")).facts["sha256"], "rows": rows}

    def ragged(self, split: str) -> tuple[Ragged, Sequence[str]]:
        """Tokenize a split whether or not it has labels: type numbers per text, and the types.

        Raises:
            UserError: no such split.
        """
        if split not in self.splits:
            raise UserError(f"{self.name} has no split '{split}'; it has {', '.join(self.splits)}")
        ragged, types = tokenized(self.texts(self.holder(split)), self.tokenizer, self.learned)
        rows = self.rows(split)
        return (ragged.select(rows) if len(rows) < len(ragged) else ragged), types

    def tokens(self, split: str, labels: tuple[str, ...] | None = None) -> TokenSplit:
        """Tokenize a split.

        Args:
            split: one of `splits`.
            labels: the model's label names; by default the data set's.

        Raises:
            UserError: no such split, or a label that is not among `labels` (its place is named).
        """
        ragged, types = self.ragged(split)
        texts = self.texts(self.holder(split))
        rows = self.rows(split)
        known = {name: number for number, name in enumerate(labels or self.labels)}
        table = np.array([known.get(name, -1) for name in texts.facts["labels"]] + [-1], np.int64)
        numbers = table[np.asarray(texts.labels)[rows]]
        if (numbers < 0).any():
            self._refuse_label(texts, int(rows[np.flatnonzero(numbers < 0)[0]]), split, list(known))
        groups = group_numbers(texts.groups)[rows] if self._grouped else None
        return TokenSplit(ragged, types, numbers, rows, groups)

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
        names = ["train"] if self.cuts_validation else ["train", "val"]
        return sha256_json([self.texts(name).facts["sha256"] for name in names])
