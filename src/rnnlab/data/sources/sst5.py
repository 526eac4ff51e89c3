"""Stanford Sentiment Treebank, whole sentences, five classes. Source: Socher et al. 2013."""

from __future__ import annotations

from rnnlab.data.download import locate
from rnnlab.data.sources._sst import ARCHIVE, Options, SstSource

SUMMARY = "Stanford Sentiment Treebank, sentences, five classes: 8,544 / 1,101 / 2,210"
VERSION = 1
FILES = (ARCHIVE,)
LABEL_OF = {
    "0": "very negative",
    "1": "negative",
    "2": "neutral",
    "3": "positive",
    "4": "very positive",
}


def open_source(options: Options) -> SstSource:
    """Find the archive, fetching it if need be."""
    return SstSource(locate(ARCHIVE), "sst5", LABEL_OF, phrases=options.phrases)
