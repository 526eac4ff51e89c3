"""What the tokenizers make of a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlab.registry import TOKENIZERS


def tokens(name: str, text: str, **options) -> list[str]:
    module = TOKENIZERS.load(name)
    return module.build(module.Options(**options))(text)


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
@given(text=st.text())
def test_a_token_is_neither_empty_nor_holds_space(name, text):
    for token in tokens(name, text):
        assert token
        assert token.split() == [token]


@pytest.mark.parametrize("name", TOKENIZERS.names)
@given(left=st.text(), right=st.text())
def test_a_line_end_always_separates(name, left, right):
    assert tokens(name, f"{left}\n{right}") == tokens(name, left) + tokens(name, right)
