"""Split at white space: for text that is tokenized already (SST, Penn Treebank)."""

from __future__ import annotations

from collections.abc import Callable

from rnnlab import options

SUMMARY = "split at white space; for text that is tokenized already"
VERSION = 1


class Options(options.Options):
    """Settings of the whitespace tokenizer."""

    lowercase: bool = False


def build(options: Options) -> Callable[[str], list[str]]:
    """Return a function from a text to its tokens."""
    if options.lowercase:
        return lambda text: text.lower().split()
    return str.split
