"""NLTK's Treebank-style words: "don't" is "do" and "n't", quotes are `` and ''.

The same as `nltk.word_tokenize`, but for its model of sentence ends, which is a download: Punkt
runs without its learned list of abbreviations, so that "Mr." before a name ends a sentence.
Sentences end at line ends too.

Source: Bird, Loper and Klein 2009, "Natural Language Processing with Python"; the Penn Treebank's
tokenization of 1995.
"""

from __future__ import annotations

from collections.abc import Callable

from rnnlab import options
from rnnlab.data.tokenizers._breaks import without_breaks
from rnnlab.extras import Library

SUMMARY = "NLTK's Treebank-style words"
VERSION = 1
LIBRARY = Library("nltk", extra="nltk")


class Options(options.Options):
    """Settings of the Treebank tokenizer.

    Attributes:
        lowercase: fold case of the tokens.
        html_breaks: read `<br />` as the end of a line rather than as characters.
    """

    lowercase: bool = True
    html_breaks: bool = True


def build(options: Options) -> Callable[[str], list[str]]:
    """Return a function from a text to its tokens.

    Raises:
        UserError: NLTK is not installed.
    """
    split = LIBRARY.load("tokenize.punkt").PunktSentenceTokenizer().tokenize
    words = LIBRARY.load("tokenize.destructive").NLTKWordTokenizer().tokenize

    def tokenize(text: str) -> list[str]:
        if options.html_breaks:
            text = without_breaks(text, "\n")
        lines = text.split("\n")
        tokens = [word for line in lines for sentence in split(line) for word in words(sentence)]
        return [token.lower() for token in tokens] if options.lowercase else tokens

    return tokenize
