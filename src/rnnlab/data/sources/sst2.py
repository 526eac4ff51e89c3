"""Stanford Sentiment Treebank, whole sentences, two classes; neutral sentences are dropped.

Source: Socher et al. 2013.
"""

from __future__ import annotations

from rnnlab.data.download import locate
from rnnlab.data.sources._sst import ARCHIVE, Options, SstSource

SUMMARY = "Stanford Sentiment Treebank, sentences, two classes: 6,920 / 872 / 1,821"
VERSION = 1
FILES = (ARCHIVE,)
LABEL_OF = {"0": "negative", "1": "negative", "3": "positive", "4": "positive"}


def open_source(options: Options) -> SstSource:
    """Find the archive, fetching it if need be."""
    return SstSource(locate(ARCHIVE), "sst2", LABEL_OF, phrases=options.phrases)
