"""What the tokenizers make of a text."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlab.data import tokenizing
from rnnlab.data.token_cache import tokenize_all
from rnnlab.registry import TOKENIZERS, Component

TAUGHT = ["The good film was good, the bad film was not!", "Ça va, naïve café", "don't"] * 20
ODD = [
    "",
    " \n\t\u2003\x1c",
    "one.<br /><br>Two",
    "😀😀 👩‍👩‍👧",
    "cafe\u0301 x\u0301\u0302",
    "日本語のテキスト。",
    "<pad> <unk>",
    "\x00a\x00",
    "▁a▁ ▅",
    "x" * 100_000,
    "(" * 5_000,
]


@cache
def function(name: str, **options):
    """The tokenizer of this name; one that learns has learned from a few texts."""
    module = TOKENIZERS.load(name)
    if hasattr(module, "LIBRARY"):
        pytest.importorskip(module.LIBRARY.name)
    tokenizer = Component(TOKENIZERS, name, module.Options(**options))
    learned = tokenizing.learn(tokenizer, TAUGHT) if tokenizing.learns(tokenizer) else None
    return tokenizing.build(tokenizer, learned)


def tokens(name: str, text: str, **options) -> list[str]:
    return function(name, **options)(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A good film!", ["a", "good", "film", "!"]),
        ("I don't care", ["i", "don't", "care"]),
        ("rock’n’roll 'quoted' dogs'", ["rock’n’roll", "'", "quoted", "'", "dogs", "'"]),
        ("one.<br /><br>Two<BR/>three", ["one", ".", "two", "three"]),
        ("a < b <b>c</b>", ["a", "<", "b", "<", "b", ">", "c", "<", "/", "b", ">"]),
        ("well-made 9/10 ...", ["well", "-", "made", "9", "/", "10", ".", ".", "."]),
        ("Ça, ÉTÉ naïve 日本", ["ça", ",", "été", "naïve", "日本"]),
        ("tab\tnew\nline\xa0nbsp", ["tab", "new", "line", "nbsp"]),
        ("snake_case x2", ["snake_case", "x2"]),
        ("<pad> <unk>", ["<", "pad", ">", "<", "unk", ">"]),
        ("😀 :)", ["😀", ":", ")"]),
        ("", []),
        (" \n\t", []),
    ],
)
def test_words(text, expected):
    assert tokens("words", text) == expected


def test_words_keep_case_or_breaks_or_drop_punctuation_when_told():
    text = "Good<br />FILM, isn't it?"
    assert tokens("words", text, lowercase=False) == ["Good", "FILM", ",", "isn't", "it", "?"]
    assert tokens("words", text, punctuation="drop") == ["good", "film", "isn't", "it"]
    assert tokens("words", text, html_breaks=False, punctuation="drop") == [
        *("good", "br", "film", "isn't", "it")
    ]
    assert tokens("words", "?!...", punctuation="drop") == []


def test_whitespace():
    assert tokens("whitespace", " It 's  n't\n-LRB- A\xa0B ") == [
        *("It", "'s", "n't", "-LRB-", "A", "B")
    ]
    assert tokens("whitespace", "It IS", lowercase=True) == ["it", "is"]
    assert tokens("whitespace", "<pad>") == ["<pad>"]


@given(st.text())
def test_words_lose_no_visible_character(text):
    kept = "".join(tokens("words", text, lowercase=False, html_breaks=False))
    assert kept == "".join(text.split())


@pytest.mark.parametrize("name", TOKENIZERS.names)
@settings(deadline=None)
@given(text=st.text())
def test_a_token_is_neither_empty_nor_holds_space(name, text):
    for token in tokens(name, text):
        assert token
        assert token.split() == [token]


# spaCy takes emoticons together that a line end comes after, so that ":(" and "(" may differ;
# among characters, white space is one
@pytest.mark.parametrize(
    "name", [name for name in TOKENIZERS.names if name not in ("spacy", "characters")]
)
@settings(deadline=None)
@given(left=st.text(), right=st.text())
def test_a_line_end_always_separates(name, left, right):
    assert tokens(name, f"{left}\n{right}") == tokens(name, left) + tokens(name, right)


@settings(deadline=None)
@given(text=st.text())
def test_characters_tell_the_text_but_for_kinds_of_space(text):
    tokenizer = Component(TOKENIZERS, "characters", TOKENIZERS.load("characters").Options())
    told = tokenizing.joined(tokenizer, tokens("characters", text))
    assert told == " ".join(text.split()).replace("▁", " ")


@pytest.mark.parametrize("name", TOKENIZERS.names)
def test_odd_texts_keep_their_places(name):
    ragged, types = tokenize_all(ODD, function(name))
    found = [[types[n] for n in part] for part in np.split(ragged.tokens, ragged.offsets[1:-1])]
    assert found == [tokens(name, text) for text in ODD]
    assert found[:2] == [[], []]
    assert all(found[2:])


@pytest.mark.parametrize("name", TOKENIZERS.names)
def test_the_same_text_gives_the_same_tokens_whatever_came_before(name):
    texts = ["The GOOD film, isn't it?", *ODD[:9]]
    before = [tokens(name, text) for text in texts]
    assert [tokens(name, text) for text in reversed(texts)] == before[::-1]
