"""Every character is a token; a run of white space is one, written as "▁" (U+2581)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rnnlab import options

SUMMARY = "single characters; white space is ▁"
VERSION = 1

_SPACE = "▁"


class Options(options.Options):
    """Settings of the character tokenizer."""

    lowercase: bool = False


def build(options: Options) -> Callable[[str], list[str]]:
    """Return a function from a text to its tokens."""

    def tokenize(text: str) -> list[str]:
        return list(_SPACE.join((text.lower() if options.lowercase else text).split()))

    return tokenize


def join(tokens: Sequence[str]) -> str:
    """The text that the tokens are of."""
    return "".join(tokens).replace(_SPACE, " ")
