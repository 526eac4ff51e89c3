"""IMDB reviews, positive or negative. Source: Maas et al. 2011, "Learning Word Vectors for
Sentiment Analysis" (ACL 2011).

Examples come in the order of their labels, then of their IDs, whatever the archive's order: row 0
of train is review 0 of `train/neg`, row 12,500 review 0 of `train/pos`. Groups are films: the two
labelled splits share almost none, so a validation split should not share any with train either.
Texts are kept as they are, `<br />` included.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from rnnlab import options as base
from rnnlab.data.archives import iterate_tar
from rnnlab.data.download import RemoteFile, file_sha256, locate
from rnnlab.data.sources import Example
from rnnlab.exceptions import UserError

SUMMARY = "IMDB reviews, positive or negative: 25,000 train, 25,000 test, 50,000 unlabelled"
VERSION = 1
ARCHIVE = RemoteFile(
    name="aclImdb_v1.tar.gz",
    url="https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
    known_hash="sha256:c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
    terms="research data of its authors; do not redistribute",
)
FILES = (ARCHIVE,)

# folder of the archive -> label, in row order
FOLDERS: dict[str, dict[str, str | None]] = {
    "train": {"train/neg": "negative", "train/pos": "positive"},
    "test": {"test/neg": "negative", "test/pos": "positive"},
    "unsup": {"train/unsup": None},
}
_REVIEW = re.compile(r"aclImdb/(\w+/\w+)/(\d+)_\d+\.txt")
_URLS = re.compile(r"aclImdb/(\w+)/urls_(\w+)\.txt")
_TITLE = re.compile(r"/title/(tt\d+)/")


class Options(base.Options):
    """IMDB has no settings of its own."""


def open_source(options: Options) -> ImdbSource:
    """Find the archive, fetching it if need be."""
    return ImdbSource(locate(ARCHIVE))


class ImdbSource:
    """The archive as a source; see `rnnlab.data.sources.Source`.

    Args:
        path: the archive.
        num_labelled: reviews in each folder of labelled ones.
        num_unlabelled: reviews in the folder of unlabelled ones.
    """

    splits: tuple[str, ...] = ("train", "test", "unsup")
    labels: tuple[str, ...] | None = ("negative", "positive")
    group_kind: str | None = "film"

    def __init__(
        self, path: Path, *, num_labelled: int = 12_500, num_unlabelled: int = 50_000
    ) -> None:
        self.path = path
        self.num_labelled = num_labelled
        self.num_unlabelled = num_unlabelled
        self.fingerprint: dict[str, str | int | float] = {"sha256": file_sha256(path)}
        self._unread: dict[str, list[Example]] = {}

    def read(self, split: str) -> Iterator[Example]:
        """Yield the examples of a split.

        One pass through the archive serves train and test: what was not asked for is kept in
        memory until it is.
        """
        if split not in self._unread:
            together = ("unsup",) if split == "unsup" else ("train", "test")
            self._unread.update(self._pass(together))
        yield from self._unread.pop(split)

    def where(self, split: str, row: int) -> str:
        folder = list(FOLDERS[split])[row // self._expected(split)]
        return f"imdb {split}, example {row} ({folder}/{row % self._expected(split)}_*.txt)"

    def _expected(self, split: str) -> int:
        """Number of reviews in each folder of a split."""
        return self.num_unlabelled if split == "unsup" else self.num_labelled

    def _pass(self, splits: tuple[str, ...]) -> dict[str, list[Example]]:
        folders = {folder for split in splits for folder in FOLDERS[split]}
        reviews: dict[str, dict[int, str]] = {folder: {} for folder in folders}
        films: dict[str, list[str]] = {folder: [] for folder in folders}

        def folder_of(name: str) -> str | None:
            if match := _REVIEW.fullmatch(name):
                return match[1] if match[1] in folders else None
            if match := _URLS.fullmatch(name):
                return f"{match[1]}/{match[2]}" if f"{match[1]}/{match[2]}" in folders else None
            return None

        for name, data in iterate_tar(self.path, folder_of):
            folder = folder_of(name)
            assert folder is not None
            text = self._decode(name, data)
            if match := _REVIEW.fullmatch(name):
                reviews[folder][int(match[2])] = text
            else:
                films[folder] = self._titles(name, text)
        return {split: self._examples(split, reviews, films) for split in splits}

    def _examples(
        self, split: str, reviews: dict[str, dict[int, str]], films: dict[str, list[str]]
    ) -> list[Example]:
        expected = self._expected(split)
        examples = []
        for folder, label in FOLDERS[split].items():
            texts = reviews.pop(folder)
            if len(texts) != expected or max(texts) != expected - 1:
                raise self._unexpected(
                    f"{len(texts):,} reviews in {folder}", expected, "IDs from 0"
                )
            if len(films[folder]) != expected:
                pages = f"the film's pages of {len(films[folder]):,} reviews of {folder}"
                raise self._unexpected(pages, expected, "one a line")
            examples += [Example(texts[i], label, films[folder][i]) for i in range(expected)]
        return examples

    def _unexpected(self, what: str, expected: int, how: str) -> UserError:
        return UserError(
            f"{self.path} holds {what}, expected {expected:,} ({how}): "
            f"get the whole archive from {ARCHIVE.url}"
        )

    def _decode(self, name: str, data: bytes) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise UserError(
                f"{self.path}, member {name}: byte {error.start} is not UTF-8: "
                f"get the archive anew from {ARCHIVE.url}"
            ) from error

    def _titles(self, name: str, text: str) -> list[str]:
        """Title IDs ("tt0453418") of the pages in a file of URLs, one a line."""
        titles = []
        for number, line in enumerate(text.splitlines(), start=1):
            match = _TITLE.search(line)
            if match is None:
                raise UserError(
                    f"{self.path}, member {name}, line {number}: no film's page in '{line[:80]}': "
                    f"get the archive anew from {ARCHIVE.url}"
                )
            titles.append(match[1])
        return titles
