"""Penn Treebank as a stream of words. Source: Marcus et al. 1993; the preprocessing of Mikolov et
al. 2010, "Recurrent neural network based language model" (Interspeech 2010).

One sentence a line, in the order of the newspaper. Words are in lower case, numbers are `N`, and
words beyond the 10,000 most frequent are `<unk>` already. Sentences have no labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rnnlab import options as base
from rnnlab.data.archives import iterate_tar
from rnnlab.data.download import RemoteFile, file_sha256, locate
from rnnlab.data.sources import Example
from rnnlab.exceptions import UserError

SUMMARY = "Penn Treebank, 10,000 words, for language models: 929,589 / 73,760 / 82,430 tokens"
VERSION = 1
ARCHIVE = RemoteFile(
    name="simple-examples.tgz",
    url="http://www.fit.vutbr.cz/~imikolov/rnnlm/simple-examples.tgz",
    known_hash=None,  # the members' tokens are counted instead
    terms="research data of its authors; do not redistribute",
)
FILES = (ARCHIVE,)

MEMBERS = {"train": "ptb.train.txt", "val": "ptb.valid.txt", "test": "ptb.test.txt"}
TOKENS = {"train": 929_589, "val": 73_760, "test": 82_430}
"""Of each split, with one end of sentence a line."""


class Options(base.Options):
    """The Penn Treebank has no settings of its own."""


def open_source(options: Options) -> PtbSource:
    """Find the archive, fetching it if need be."""
    return PtbSource(locate(ARCHIVE))


class PtbSource:
    """The archive as a source; see `rnnlab.data.sources.Source`.

    Args:
        path: the archive.
        tokens: that each split must have, an end of sentence a line counted.
    """

    splits: tuple[str, ...] = tuple(MEMBERS)
    labels: tuple[str, ...] | None = ()
    group_kind: str | None = None

    def __init__(self, path: Path, *, tokens: dict[str, int] | None = None) -> None:
        self.path = path
        self.tokens = TOKENS if tokens is None else tokens
        self.fingerprint: dict[str, str | int | float] = {"sha256": file_sha256(path)}

    def read(self, split: str) -> Iterator[Example]:
        """Yield the sentences of a split in their order."""
        name = f"simple-examples/data/{MEMBERS[split]}"
        for _, data in iterate_tar(self.path, lambda member: member == name):
            lines = self._lines(name, data)
            break
        else:
            raise self._unexpected(f"no {name}")
        found = sum(len(line.split()) + 1 for line in lines)
        if found != self.tokens[split]:
            raise self._unexpected(
                f"{found:,} tokens in {name}, expected {self.tokens[split]:,} "
                "(one end of sentence a line)"
            )
        yield from (Example(line, None) for line in lines)

    def where(self, split: str, row: int) -> str:
        """Say which line it is, counted from 1."""
        return f"{MEMBERS[split]}, line {row + 1}"

    def _lines(self, name: str, data: bytes) -> list[str]:
        try:
            return data.decode().splitlines()
        except UnicodeDecodeError as error:
            raise UserError(
                f"{self.path}, member {name}: byte {error.start} is not UTF-8: "
                f"get the archive anew from {ARCHIVE.url}"
            ) from error

    def _unexpected(self, what: str) -> UserError:
        return UserError(f"{self.path} holds {what}: get the archive anew from {ARCHIVE.url}")
