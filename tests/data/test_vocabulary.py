"""The vocabulary against Python's Counter, and its two special entries."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlab.data.token_cache import tokenize_all
from rnnlab.data.vocabulary import PAD, SPECIAL, UNKNOWN, Vocabulary, build_vocabulary
from rnnlab.exceptions import UserError

WORDS = st.sampled_from(["a", "b", "c", "d", "e", "<pad>", "<unk>", "ç", "\x85"])
TEXTS = st.lists(st.lists(WORDS, max_size=8), max_size=8)


def build(texts: list[list[str]], max_size=None, min_count=1) -> Vocabulary:
    ragged, types = tokenize_all(texts, list)  # a list of words is its own tokens
    return build_vocabulary(ragged, types, max_size=max_size, min_count=min_count)


@given(TEXTS, st.none() | st.integers(1, 6), st.integers(1, 3))
def test_the_most_frequent_words_in_order(texts, max_size, min_count):
    counts = Counter(word for text in texts for word in text if word not in SPECIAL)
    frequent = [word for word, count in counts.most_common() if count >= min_count]
    kept = sorted(frequent, key=lambda word: (-counts[word], word))[:max_size]
    expected = [word for word in frequent if word in kept]
    if not expected:
        with pytest.raises(UserError, match=rf"vocabulary is empty.*min_count={min_count}"):
            build(texts, max_size, min_count)
        return
    vocabulary = build(texts, max_size, min_count)
    assert vocabulary.words == (*SPECIAL, *expected)
    assert len(vocabulary) == len(expected) + 2


def test_ties_keep_the_order_of_first_appearance():
    texts = [["z", "b"], ["a", "b", "a", "z"], ["q", "z"]]
    assert build(texts).words == ("<pad>", "<unk>", "z", "b", "a", "q")
    assert build(texts, min_count=2).words[2:] == ("z", "b", "a")


def test_which_of_equals_are_known_does_not_depend_on_the_order_of_the_texts():
    """A file that is sorted by label would otherwise have unknown words in its last label alone."""
    texts = [["the", f"word{n % 10}{n}"] for n in range(40)]
    known = set(build(texts, max_size=21).words)
    assert set(build(texts[::-1], max_size=21).words) == known
    halves = [sum(word in known for _, word in half) for half in (texts[:20], texts[20:])]
    assert halves == [10, 10]


def test_types_that_occur_in_other_parts_only_stay_out():
    whole, types = tokenize_all([["a", "b"], ["c", "c", "c"]], list)
    train = whole.select(np.array([0]))
    assert build_vocabulary(train, types, max_size=None, min_count=1).words[2:] == ("a", "b")


@given(TEXTS)
def test_no_text_can_name_a_special_entry(texts):
    vocabulary = Vocabulary((*SPECIAL, "a", "ç"))
    encoded = vocabulary.encode(*tokenize_all(texts, list))
    expected = [
        [{"a": 2, "ç": 3}.get(word, UNKNOWN) for word in text] or [UNKNOWN] for text in texts
    ]
    assert encoded.tokens.tolist() == [number for text in expected for number in text]
    assert encoded.lengths.tolist() == [len(text) for text in expected]
    assert encoded.tokens.dtype == np.int32
    assert PAD not in encoded.tokens


def test_empty_texts_anywhere_become_one_unknown_word():
    vocabulary = Vocabulary((*SPECIAL, "a", "b"))
    encoded = vocabulary.encode(*tokenize_all([[], ["a"], [], [], ["b", "a"], []], list))
    assert encoded.tokens.tolist() == [1, 2, 1, 1, 3, 2, 1]
    assert encoded.lengths.tolist() == [1, 1, 1, 1, 2, 1]
    alone = vocabulary.encode(*tokenize_all([[]], list))
    assert alone.tokens.tolist() == [1]
