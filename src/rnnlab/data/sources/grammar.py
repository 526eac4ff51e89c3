"""Embedded text for language models whose true perplexity is known: the grammar of opinions."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cached_property

from pydantic import Field

from rnnlab.data.grammar import LABELS, compose, random_choose
from rnnlab.data.grammar_entropy import TextDistribution
from rnnlab.data.sources import Example
from rnnlab.options import Options as BaseOptions

SUMMARY = "generated opinions as a stream, for language models; true perplexity known (embedded)"
VERSION = 1


class Options(BaseOptions):
    """Sizes and difficulty.

    Attributes:
        train_size: number of texts in train.
        val_size: number of texts in val.
        test_size: number of texts in test.
        depth: greatest depth (negations plus joins of clauses).
        seed: of the generator.
    """

    train_size: int = Field(default=20_000, ge=1, le=1_000_000)
    val_size: int = Field(default=2000, ge=1, le=1_000_000)
    test_size: int = Field(default=5000, ge=1, le=1_000_000)
    depth: int = Field(default=3, ge=1, le=5)
    seed: int = Field(default=0, ge=0)


class GrammarSource:
    """Texts drawn independently from the grammar, both labels equally often; texts may repeat."""

    splits: tuple[str, ...] = ("train", "val", "test")
    labels: tuple[str, ...] | None = ()
    group_kind: str | None = None

    def __init__(self, options: Options) -> None:
        self.options = options
        self.fingerprint: dict[str, str | int | float] = {
            "version": VERSION,
            **options.model_dump(),
        }

    def read(self, split: str) -> Iterator[Example]:
        """Yield the texts of a split; no split depends on the size of another."""
        sizes = (self.options.train_size, self.options.val_size, self.options.test_size)
        choose = random_choose(random.Random(f"{VERSION}/{self.options.seed}/{split}"))
        for _ in range(dict(zip(self.splits, sizes, strict=True))[split]):
            yield Example(compose(choose, choose(LABELS), 0, self.options.depth).text, None)

    def where(self, split: str, row: int) -> str:
        """Say which text it is, counted from 1; the same options give the same text again."""
        return f"grammar {split}, text {row + 1}"

    def true_nats(self, split: str) -> float:
        """-ln of the probability of all texts of a split: see `rnnlab.data.sources.KnownSource`."""
        return sum(self._distribution.nats(example.text) for example in self.read(split))

    @property
    def true_loss(self) -> float:
        """See `rnnlab.data.sources.KnownSource`."""
        return self._distribution.entropy / (self._distribution.mean_words + 1)

    @cached_property
    def _distribution(self) -> TextDistribution:
        return TextDistribution(0, self.options.depth)


def open_source(options: Options) -> GrammarSource:
    """Open the data set; nothing is read from disk."""
    return GrammarSource(options)
