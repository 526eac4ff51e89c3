"""Embedded diagnostic: short opinions whose label depends on structure, not on vocabulary."""

from __future__ import annotations

import random
from collections.abc import Iterator

from pydantic import Field, model_validator

from rnnlab.data.grammar import LABELS, compose, random_choose
from rnnlab.data.sources import Example
from rnnlab.exceptions import UserError
from rnnlab.options import Options as BaseOptions
from rnnlab.registry import nearest

SUMMARY = "generated opinions with negation and contrast; a diagnostic for word order (embedded)"
VERSION = 1
SPLITS = ("train", "val", "test")


class Options(BaseOptions):
    """Sizes and difficulty.

    Attributes:
        train_size: number of texts in train.
        val_size: number of texts in val, which has the depths of train.
        test_size: number of texts in test.
        depth: greatest depth (negations plus joins of clauses) in train and val.
        test_depth: greatest depth in test; the least one there is `depth` + 1.
        seed: of the generator.
    """

    train_size: int = Field(default=8000, ge=2, le=100_000)
    val_size: int = Field(default=1000, ge=2, le=100_000)
    test_size: int = Field(default=1000, ge=2, le=100_000)
    depth: int = Field(default=3, ge=1, le=10)
    test_depth: int = Field(default=5, ge=2, le=11)
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _test_is_deeper(self) -> Options:
        if self.test_depth <= self.depth:
            raise ValueError(
                f"test_depth ({self.test_depth}) must be greater than depth ({self.depth})"
            )
        return self


class CompositionalSource:
    """Texts drawn from the grammar; no text occurs twice, within a split or across splits."""

    splits = SPLITS
    labels = LABELS
    group_kind = None

    def __init__(self, options: Options) -> None:
        self.options = options
        self.fingerprint: dict[str, str | int | float] = {
            "version": VERSION,
            **options.model_dump(),
        }
        self._examples: dict[str, list[Example]] = {}

    def read(self, split: str) -> Iterator[Example]:
        """Yield the examples of a split; half of them (rounded down) are positive.

        Val and test do not depend on the size of train.
        """
        if split not in self.splits:
            raise UserError(f"compositional has no split '{split}'{nearest(split, self.splits)}")
        if split not in self._examples:
            self._examples[split] = self._draw(split)
        yield from self._examples[split]

    def where(self, split: str, row: int) -> str:
        """Say which text it is, counted from 1; the same options give the same text again."""
        return f"compositional {split}, example {row + 1}"

    def _draw(self, split: str) -> list[Example]:
        """Draw texts until there are enough new ones; those of val are taken when train begins."""
        size = {
            "train": self.options.train_size,
            "val": self.options.val_size,
            "test": self.options.test_size,
        }[split]
        lowest, highest = 0, self.options.depth
        if split == "test":
            lowest, highest = self.options.depth + 1, self.options.test_depth
        rng = random.Random(f"{VERSION}/{self.options.seed}/{split}")
        choose = random_choose(rng)
        labels = [LABELS[row % 2] for row in range(size)]
        labels.sort(key=lambda _: rng.random())
        seen = {example.text for example in self.read("val")} if split == "train" else set()
        examples: list[Example] = []
        for label in labels:
            text = compose(choose, label, lowest, highest).text
            while text in seen:
                text = compose(choose, label, lowest, highest).text
            seen.add(text)
            examples.append(Example(text, label))
        return examples


def open_source(options: Options) -> CompositionalSource:
    """Open the data set; nothing is read from disk."""
    return CompositionalSource(options)
