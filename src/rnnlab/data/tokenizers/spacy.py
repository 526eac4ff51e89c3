"""spaCy's English words: its blank tokenizer alone, no pipeline and no download.

White space, which spaCy keeps as tokens, is dropped. A run of more than 256 characters without any
is read in pieces: spaCy's time grows with the square of a run of brackets.

Source: Honnibal et al. 2020, "spaCy: Industrial-strength Natural Language Processing in Python".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from rnnlab import options
from rnnlab.data.tokenizers._breaks import without_breaks
from rnnlab.extras import Library

SUMMARY = "spaCy's English words"
VERSION = 1
LIBRARY = Library("spacy", extra="spacy")

_STRINGS = 200_000  # spaCy keeps every word that it meets; with more than these it starts anew
_LONG_RUN = re.compile(r"\S{256}(?=\S)")


class Options(options.Options):
    """Settings of spaCy's tokenizer.

    Attributes:
        lowercase: fold case of the tokens; spaCy itself reads the text as it is.
        html_breaks: read `<br />` as white space rather than as characters.
    """

    lowercase: bool = True
    html_breaks: bool = True


def build(options: Options) -> Callable[[str], list[str]]:
    """Return a function from a text to its tokens.

    Raises:
        UserError: spaCy is not installed.
    """
    spacy = LIBRARY.load()
    english: Any = spacy.blank("en")

    def tokenize(text: str) -> list[str]:
        nonlocal english
        if len(english.vocab.strings) > _STRINGS:
            english = spacy.blank("en")
        if options.html_breaks:
            text = without_breaks(text)
        tokens = english.tokenizer(_LONG_RUN.sub(r"\g<0> ", text))
        if options.lowercase:
            return [token.lower_ for token in tokens if not token.is_space]
        return [token.text for token in tokens if not token.is_space]

    return tokenize
