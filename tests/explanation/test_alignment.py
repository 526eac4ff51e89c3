"""Tokens are found in the raw text where they stand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlab.data.tokenizers import _breaks
from rnnlab.explanation.alignment import align
from rnnlab.registry import TOKENIZERS

TEXT = "It's \"GREAT\"<br /><br />Don't miss it... İstanbul, Straße & ΣΟΦΟΣ — 3.5/5 (naïve)!"

QUOTES = {("``", '"'), ("''", '"')}


def tokenizer(name: str):
    module = TOKENIZERS.load(name)
    return module.build(module.Options())


@pytest.mark.parametrize("name", ["words", "whitespace", "treebank", "spacy"])
def test_spans_hold_the_tokens(name):
    if name == "spacy":
        pytest.importorskip("spacy")
    tokens = tokenizer(name)(TEXT)
    spans = align(TEXT, tokens, html_breaks=name != "whitespace")
    assert None not in spans
    for token, span in zip(tokens, spans, strict=True):
        found = TEXT[slice(*span)]
        # the lower case of "İ" is two characters, which "words" makes two tokens
        assert token.casefold() in found.casefold() or (token, found) in QUOTES
        assert len(found) <= len(token)
    assert spans == sorted(spans)


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=60))
def test_words_of_any_text(text):
    tokens = tokenizer("words")(text)
    spans = align(text, tokens, html_breaks=True)
    flat = _breaks.blanked(text)
    for token, span in zip(tokens, spans, strict=True):
        assert span is not None
        assert token.casefold() in flat[slice(*span)].casefold() or not flat.isascii()


def test_subwords_and_what_they_do_not_know():
    text = "Unbelievable 映画 film"
    spans = align(text, ["▁un", "believ", "able", "<unk>", "▁fi", "lm"])
    assert [text[slice(*span)] for span in spans] == ["Un", "believ", "able", "映画", "fi", "lm"]


def test_a_token_that_is_not_there_has_no_place():
    assert align("a film", ["a", "movie", "b"]) == [(0, 1), None, None]
    assert align("", ["x"]) == [None]


def test_no_token_is_found_within_another():
    """The letters of a tag that the tokenizer reads as white space are no tokens."""
    text = "a<br />br b"
    assert align(text, ["a", "br", "b"], html_breaks=True) == [(0, 1), (7, 9), (10, 11)]
