"""Streams: every token is predicted once, from its predecessor, with the end of a text first."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlab.data.ragged import Ragged
from rnnlab.data.streams import EOS, SPECIAL, columns, stream_of, windows, with_context
from rnnlab.data.token_cache import tokenize_all
from rnnlab.data.vocabulary import UNKNOWN, Vocabulary, build_vocabulary
from rnnlab.exceptions import UserError

TEXTS = ["the cat <unk> sat", "", "the dog sat", "<eos> the"]


def tokens(count: int) -> np.ndarray:
    return np.arange(1, count + 1, dtype=np.int32)


def test_a_text_ends_with_eos_and_the_vocabulary_has_no_pad():
    ragged, types = tokenize_all(TEXTS, str.split)
    vocabulary = build_vocabulary(ragged, types, max_size=None, min_count=1, special=SPECIAL)
    assert vocabulary.words == ("<eos>", "<unk>", "the", "sat", "cat", "dog")
    stream = stream_of(ragged, types, vocabulary)
    # a text's own "<eos>" is a word that the model does not know
    assert stream.tokens.tolist() == [2, 4, 1, 3, 0, 0, 2, 5, 3, 0, 1, 2, 0]
    assert (len(stream), stream.texts, stream.unknown, stream.alien) == (13, 4, 2, 1)
    assert stream.facts()["coverage"] == pytest.approx(12 / 13)


def test_words_beyond_the_vocabulary_are_counted():
    ragged, types = tokenize_all(["a b <unk> c", "c"], str.split)
    stream = stream_of(ragged, types, Vocabulary((*SPECIAL, "a")))
    assert stream.tokens.tolist() == [2, 1, 1, 1, EOS, 1, EOS]
    assert (stream.unknown, stream.alien) == (4, 3)


def test_texts_without_words_are_their_ends_alone():
    empty = Ragged.from_lengths(np.zeros(0, np.int32), np.zeros(3, np.int64))
    assert stream_of(empty, [], Vocabulary(SPECIAL)).tokens.tolist() == [EOS] * 3
    assert SPECIAL.index("<unk>") == UNKNOWN


@given(count=st.integers(1, 200), batch=st.integers(1, 12), window=st.integers(1, 30))
def test_every_target_comes_once_after_its_predecessor(count, batch, window):
    if count < batch:
        with pytest.raises(UserError, match=r"train\.batch_size"):
            columns(tokens(count), batch)
        return
    rows = columns(tokens(count), batch)
    length = count // batch
    assert rows.shape == (batch, length + 1)
    seen = []
    for first, end in windows(length, window):
        assert 1 <= end - first <= window
        inputs, targets = rows[:, first:end], rows[:, first + 1 : end + 1]
        assert (targets == inputs + 1).all()  # token n follows n - 1; the first context is EOS
        seen += targets.flatten().tolist()
    assert sorted(seen) == list(range(1, batch * length + 1))


def test_the_first_context_is_the_end_of_a_text():
    assert with_context(tokens(3)).tolist() == [EOS, 1, 2, 3]
    assert columns(tokens(5), 2).tolist() == [[EOS, 1, 2], [2, 3, 4]]
