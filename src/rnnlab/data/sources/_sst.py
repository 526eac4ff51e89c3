"""The Stanford Sentiment Treebank's sentences, shared by sst5 and sst2.

Source: Socher et al. 2013, "Recursive Deep Models for Semantic Compositionality Over a Sentiment
Treebank" (EMNLP 2013). A sentence's text is its leaves joined with one space, with the treebank's
escapes undone; its label is the root's. Two leaves ("2 1/2" and "8 1/2") hold a no-break space:
split the texts on any white space, as `str.split` does, for the 18,280 cased entries (pad and
unknown included) that the literature counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from rnnlab import options as base
from rnnlab.data.archives import iterate_zip
from rnnlab.data.download import RemoteFile, file_sha256
from rnnlab.data.sources import Example
from rnnlab.exceptions import UserError

ARCHIVE = RemoteFile(
    name="trainDevTestTrees_PTB.zip",
    url="https://nlp.stanford.edu/sentiment/trainDevTestTrees_PTB.zip",
    known_hash="sha256:5c613a4f673fc74097d523a2c83f38e0cc462984d847b82c7aaf36b01cbbbfcc",
    terms="research data of its authors; do not redistribute",
)
MEMBERS = {"train": "trees/train.txt", "val": "trees/dev.txt", "test": "trees/test.txt"}
NUM_TREES = {"train": 8_544, "val": 1_101, "test": 2_210}

_TOKEN = re.compile(r"[()]|[^() ]+")
_ESCAPE = re.compile(r"-(?:LRB|RRB|LSB|RSB|LCB|RCB)-|\\[/*]")
_MEANING = {
    **{"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"},
    **{r"\/": "/", r"\*": "*"},
}


class Phrase(NamedTuple):
    """A node of a tree: its label, and which leaves are below it."""

    label: str
    first: int
    end: int


def parse_tree(line: str) -> tuple[list[Phrase], list[str]]:
    """Return all nodes, the root first, and the leaves, escapes undone, of one bracketed tree.

    The grammar is `tree = "(" label (word | tree+) ")"` with labels 0 to 4.

    Raises:
        ValueError: the line is not exactly one tree; the message says what is wrong.
    """
    tokens = _TOKEN.findall(line)
    leaves: list[str] = []
    phrases: list[Phrase] = []
    open_phrases: list[int] = []
    num_children: list[int] = []  # of each open node; a word counts as a child
    position = 0
    while position < len(tokens):
        token = tokens[position]
        if token == "(":
            if phrases and not num_children:
                raise ValueError("a second tree follows the first")
            label = tokens[position + 1] if position + 1 < len(tokens) else ""
            if label not in {"0", "1", "2", "3", "4"}:
                raise ValueError(f"'{label}' is not a label from 0 to 4")
            if num_children:
                num_children[-1] += 1
            num_children.append(0)
            open_phrases.append(len(phrases))
            phrases.append(Phrase(label, len(leaves), 0))
            position += 2
            continue
        if not num_children:
            raise ValueError(f"'{token}' stands outside the tree")
        if token == ")":
            if num_children.pop() == 0:
                raise ValueError("a node has neither a word nor children")
            closed = open_phrases.pop()
            phrases[closed] = phrases[closed]._replace(end=len(leaves))
        else:
            if tokens[position - 2] != "(" or tokens[position + 1 : position + 2] != [")"]:
                raise ValueError(f"the word '{token}' is not the only child of its node")
            num_children[-1] += 1
            leaves.append(_ESCAPE.sub(lambda match: _MEANING[match[0]], token))
        position += 1
    if num_children or not phrases:
        raise ValueError("a bracket is not closed" if phrases else "there is no tree")
    return phrases, leaves


class Options(base.Options):
    """Settings of both sources.

    Attributes:
        phrases: train on every labelled phrase of the training trees, not on whole sentences
            alone. Phrases whose text is a sentence of dev or test are left out.
    """

    phrases: bool = False


class SstSource:
    """The treebank's sentences as a source; see `rnnlab.data.sources.Source`.

    Args:
        path: the archive.
        name: of the source, for `where`.
        label_of: label of each root from "0" to "4"; sentences of absent roots are dropped.
        num_trees: trees in each split.
        phrases: let train hold every distinct phrase of its trees, except those whose text is a
            sentence of dev or test.
    """

    splits: tuple[str, ...] = ("train", "val", "test")
    group_kind: str | None = None

    def __init__(
        self,
        path: Path,
        name: str,
        label_of: Mapping[str, str],
        *,
        num_trees: Mapping[str, int] = NUM_TREES,
        phrases: bool = False,
    ) -> None:
        self.path = path
        self.name = name
        self.label_of = label_of
        self.num_trees = num_trees
        self.labels: tuple[str, ...] | None = tuple(dict.fromkeys(label_of.values()))
        self.phrases = phrases
        self.fingerprint: dict[str, str | int | float] = {"sha256": file_sha256(path)}
        if phrases:
            self.fingerprint["phrases"] = 1

    def read(self, split: str) -> Iterator[Example]:
        """Yield the sentences of a split in the archive's order; of train, its phrases if wanted,
        each after the sentence that it is first in."""
        for _, example in self._examples(split):
            yield example

    def where(self, split: str, row: int) -> str:
        number, _ = next(islice(self._examples(split), row, None))
        return f"{self.name} {split}, example {row} ({MEMBERS[split]}, line {number})"

    def _examples(self, split: str) -> Iterator[tuple[int, Example]]:
        """Examples with the number of their line."""
        if not (self.phrases and split == "train"):
            for number, label, text in self._texts(split, phrases=False):
                yield number, Example(text, label)
            return
        held_out = {
            text for other in ("val", "test") for _, _, text in self._texts(other, phrases=False)
        }
        seen = set()
        for number, label, text in self._texts(split, phrases=True):
            if text not in held_out and (label, text) not in seen:
                seen.add((label, text))
                yield number, Example(text, label)

    def _texts(self, split: str, *, phrases: bool) -> Iterator[tuple[int, str, str]]:
        """Line, label and text of each sentence whose label is wanted, or of each phrase."""
        for number, line in enumerate(self._lines[split], start=1):
            try:
                nodes, leaves = parse_tree(line)
            except ValueError as error:
                raise UserError(
                    f"{self.path}, {MEMBERS[split]}, line {number}: {error}: "
                    f"get the archive anew from {ARCHIVE.url}"
                ) from error
            for node in nodes if phrases else nodes[:1]:
                if node.label in self.label_of:
                    text = " ".join(leaves[node.first : node.end])
                    yield number, self.label_of[node.label], text

    @cached_property
    def _lines(self) -> dict[str, list[str]]:
        found = dict(iterate_zip(self.path, lambda name: name in MEMBERS.values()))
        lines = {}
        for split, member in MEMBERS.items():
            if member not in found:
                raise self._unexpected(f"has no member {member}")
            try:
                lines[split] = found[member].decode().removesuffix("\n").split("\n")
            except UnicodeDecodeError as error:
                raise self._unexpected(f"has a member {member} that is not UTF-8") from error
            expected = self.num_trees[split]
            if len(lines[split]) != expected:
                count = f"{len(lines[split]):,} trees in {member}, expected {expected:,}"
                raise self._unexpected(f"holds {count}")
        return lines

    def _unexpected(self, what: str) -> UserError:
        return UserError(f"{self.path} {what}: get the archive anew from {ARCHIVE.url}")
