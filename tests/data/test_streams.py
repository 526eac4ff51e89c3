"""Streams: every token is predicted once, from its predecessor, with the end of a text first."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlab.data.ragged import Ragged
from rnnlab.data.streams import (
    EOS,
    SPECIAL,
    Variation,
    columns,
    stream_of,
    varied_windows,
    windows,
    with_context,
)
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


VARIATION = Variation(half_share=0.05, deviation=5.0, least=5, seed=3)


def test_varied_windows_cover_a_column_without_gap_and_are_a_pure_function():
    found = varied_windows(20_000, 70, VARIATION, epoch=2)
    assert found == varied_windows(20_000, 70, VARIATION, epoch=2)
    assert found[0][0] == 0
    assert found[-1][1] == 20_000
    assert all(one[1] == other[0] for one, other in itertools.pairwise(found))
    starts = {tuple(varied_windows(20_000, 70, VARIATION, epoch)) for epoch in range(4)}
    others = tuple(varied_windows(20_000, 70, VARIATION._replace(seed=4), 2))
    assert len(starts | {others}) == 5


def test_the_lengths_of_varied_windows_are_distributed_as_published():
    found = varied_windows(1_000_000, 70, VARIATION, epoch=0)[:-1]
    lengths = np.array([end - start for start, end in found])
    is_half = lengths < 52  # 3.5 deviations from either mean
    assert is_half.mean() == pytest.approx(0.05, abs=0.008)
    # a length is cut to whole steps, which takes half a step away
    assert lengths[~is_half].mean() == pytest.approx(69.5, abs=0.2)
    assert lengths[~is_half].std() == pytest.approx(5.0, abs=0.2)
    assert lengths[is_half].mean() == pytest.approx(34.5, abs=0.8)


def test_varied_windows_have_a_least_length_and_the_last_takes_what_is_left():
    wild = Variation(half_share=0.5, deviation=20.0, least=5, seed=0)
    lengths = [end - start for start, end in varied_windows(5_000, 12, wild, 0)]
    assert min(lengths[:-1]) == 5
    assert sum(lengths) == 5_000
    assert varied_windows(3, 70, VARIATION, 0) == [(0, 3)]
    assert varied_windows(0, 70, VARIATION, 0) == []
