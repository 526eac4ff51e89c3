"""Reading new texts is reading training data: the same numbers either way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlab.data.reader import TextReader
from rnnlab.data.token_cache import tokenize_all
from rnnlab.data.vocabulary import SPECIAL, Vocabulary
from rnnlab.registry import TOKENIZERS, Component

WORDS = ("a", "good", "film", "!", "don't")


def reader(max_tokens=None, truncation="head", tokenizer="words") -> TextReader:
    options = TOKENIZERS.load(tokenizer).Options()
    chosen = Component(TOKENIZERS, tokenizer, options)
    return TextReader(chosen, Vocabulary((*SPECIAL, *WORDS)), max_tokens, truncation)


def lists(ragged) -> list[list[int]]:
    return [part.tolist() for part in np.split(ragged.tokens, ragged.offsets[1:-1])]


def test_words_become_their_index_and_others_unknown():
    encoded = reader().read(["A GOOD film!", "<pad> bad", "", "don't"])
    assert lists(encoded.ragged) == [[2, 3, 4, 5], [1, 1, 1, 1], [1], [6]]
    assert (encoded.tokens, encoded.known) == (9, 5)
    assert (encoded.texts_cut, encoded.texts_empty) == (0, 1)
    assert encoded.facts() == {
        "tokens": 9,
        "coverage": pytest.approx(5 / 9),
        "cut_tokens": 0,
        "cut_texts": 0,
    }


@pytest.mark.parametrize(
    ("truncation", "expected"),
    [("head", [2, 3, 4]), ("tail", [4, 5, 6]), ("head_and_tail", [2, 3, 6])],
)
def test_long_texts_are_cut_and_counted(truncation, expected):
    encoded = reader(3, truncation).read(["a good film ! don't", "a", "", "a a a"])
    assert lists(encoded.ragged) == [expected, [2], [1], [2, 2, 2]]
    assert (encoded.texts_cut, encoded.texts_empty) == (1, 1)
    assert encoded.facts() == {
        "tokens": 9,
        "coverage": 1,
        "cut_tokens": pytest.approx(2 / 9),
        "cut_texts": 0.25,
    }


def test_a_word_of_the_text_is_never_padding():
    encoded = reader(tokenizer="whitespace").read(["<pad> <unk> a", "<pad>"])
    assert lists(encoded.ragged) == [[1, 1, 2], [1]]


@settings(deadline=None)
@given(
    st.lists(st.lists(st.sampled_from([*WORDS, "bad", "<br />", "\n"]), max_size=9).map(" ".join)),
    st.none() | st.integers(1, 6),
    st.sampled_from(["head", "tail", "head_and_tail"]),
)
def test_one_by_one_or_together_or_tokenized_before(texts, max_tokens, truncation):
    read = reader(max_tokens, truncation)
    whole = read.read(texts)
    assert len(whole.ragged) == len(texts)
    if texts:
        assert lists(whole.ragged) == [read.read([text]).ragged.tokens.tolist() for text in texts]
        assert whole.ragged.lengths.min() >= 1
        assert whole.ragged.lengths.max() <= (max_tokens or 99)
    module = TOKENIZERS.load("words")
    before = read.encode(*tokenize_all(texts, module.build(module.Options())))
    np.testing.assert_array_equal(whole.ragged.tokens, before.ragged.tokens)
    np.testing.assert_array_equal(whole.ragged.offsets, before.ragged.offsets)
