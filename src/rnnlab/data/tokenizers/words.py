"""Words and single punctuation marks by one regular expression: fast, and good for reviews.

A word is a run of letters, digits and underscores, with inner apostrophes ("don't" is one token).
Every other visible character is a token of its own, or dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from rnnlab import options
from rnnlab.data.tokenizers._breaks import without_breaks

SUMMARY = "words and punctuation by one regular expression"
VERSION = 1

_WORD = r"\w+(?:['’]\w+)*"
_PATTERNS = {"keep": rf"{_WORD}|[^\w\s]", "drop": _WORD}


class Options(options.Options):
    """Settings of the word tokenizer.

    Attributes:
        lowercase: fold case.
        html_breaks: read `<br />` as white space rather than as characters.
        punctuation: keep marks as tokens, or drop them.
    """

    lowercase: bool = True
    html_breaks: bool = True
    punctuation: Literal["keep", "drop"] = "keep"


def build(options: Options) -> Callable[[str], list[str]]:
    """Return a function from a text to its tokens."""
    find = re.compile(_PATTERNS[options.punctuation]).findall

    def tokenize(text: str) -> list[str]:
        if options.html_breaks:
            text = without_breaks(text)
        return find(text.lower() if options.lowercase else text)

    return tokenize
