"""Data sets, one module each.

A module defines

    SUMMARY: str                       one line for `rnnlab data list`
    VERSION: int                       raised when its texts, labels or their order change
    class Options(rnnlab.options.Options)   its own keys in the `data` section of a config; one
                                       with paths has `portable()`, the same with absolute ones
    def open_source(options) -> Source      finds the files, fetching them if need be
    FILES: tuple[RemoteFile, ...]      the public files that it reads; optional
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol, runtime_checkable


class Example(NamedTuple):
    """One text as its source gives it.

    Attributes:
        text: the raw text; may be empty.
        label: the label's name, or None in an unlabelled split.
        group: what must not be split between train and validation (a film), or None.
    """

    text: str
    label: str | None
    group: str | None = None


class Source(Protocol):
    """An opened data set.

    Attributes:
        splits: names of the splits that exist, "train" first; others are among "val", "test" and
            source-specific ones such as "unsup".
        labels: all label names in index order, or None where they are learned from train; () where
            texts have none, and serve language models alone.
        group_kind: what a group is ("film"), or None if examples have no groups.
        fingerprint: identifies the raw input cheaply (file hashes, generator settings); part of
            the key under which the texts are cached.
    """

    splits: tuple[str, ...]
    labels: tuple[str, ...] | None
    group_kind: str | None
    fingerprint: dict[str, str | int | float]

    def read(self, split: str) -> Iterator[Example]:
        """Yield the examples of one split in a fixed order.

        Raises:
            UserError: the input is malformed; file and line (or member) are named.
        """
        ...

    def where(self, split: str, row: int) -> str:
        """Say where example `row` (from 0) of a split comes from ("reviews.csv, line 12")."""
        ...


@runtime_checkable
class KnownSource(Protocol):
    """A data set drawn from a distribution that is known, as a stream for language models.

    Attributes:
        true_loss: entropy of its stream: nats a token, ends of texts counted, that no language
            model goes below in expectation.
    """

    @property
    def true_loss(self) -> float: ...

    def true_nats(self, split: str) -> float:
        """-ln of the true probability of all texts of a split."""
        ...
