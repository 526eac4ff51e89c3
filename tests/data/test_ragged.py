"""Ragged arrays against plain lists."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlab.data.ragged import Ragged

SEQUENCES = st.lists(st.lists(st.integers(0, 99), max_size=12), max_size=8)


def ragged(sequences: list[list[int]]) -> Ragged:
    tokens = np.array([token for sequence in sequences for token in sequence], np.int32)
    return Ragged.from_lengths(tokens, np.array([len(s) for s in sequences], np.int64))


def plain(value: Ragged) -> list[list[int]]:
    assert value.offsets.dtype == np.int64
    assert value.offsets[0] == 0
    assert value.offsets[-1] == len(value.tokens)
    return [value.tokens[a:b].tolist() for a, b in pairwise(value.offsets)]


def cut(sequence: list[int], size: int, how: str) -> list[int]:
    if len(sequence) <= size:
        return sequence
    if how == "head":
        return sequence[:size]
    if how == "tail":
        return sequence[len(sequence) - size :]
    tail = size // 2
    return sequence[: size - tail] + sequence[len(sequence) - tail :]


@given(SEQUENCES)
def test_sequences_come_back(sequences):
    value = ragged(sequences)
    assert len(value) == len(sequences)
    assert plain(value) == sequences
    assert value.lengths.tolist() == [len(sequence) for sequence in sequences]


@settings(deadline=None)
@given(SEQUENCES, st.integers(1, 14), st.sampled_from(["head", "tail", "head_and_tail"]))
def test_truncation_is_that_of_plain_lists(sequences, size, how):
    before = ragged(sequences)
    kept = plain(before)
    assert plain(before.truncate(size, how)) == [cut(s, size, how) for s in sequences]
    assert plain(before) == kept


@pytest.mark.parametrize(
    ("how", "size", "expected"),
    [
        ("head", 3, [1, 2, 3]),
        ("tail", 3, [7, 8, 9]),
        ("head_and_tail", 3, [1, 2, 9]),
        ("head_and_tail", 4, [1, 2, 8, 9]),
        ("head_and_tail", 1, [1]),
        ("head_and_tail", 9, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ],
)
def test_truncation_by_example(how, size, expected):
    value = ragged([[1, 2, 3, 4, 5, 6, 7, 8, 9], [], [5]]).truncate(size, how)
    assert plain(value) == [expected, [], [5]]


@given(SEQUENCES, st.data())
def test_selection_and_padding_are_those_of_plain_lists(sequences, data):
    last = len(sequences) - 1
    chosen = data.draw(st.lists(st.integers(0, last), max_size=6)) if sequences else []
    rows = np.array(chosen, np.int64)
    value = ragged(sequences)
    assert plain(value.select(rows)) == [sequences[row] for row in chosen]
    width = max((len(sequences[row]) for row in chosen), default=0)
    padded = value.pad(rows, value=-7)
    assert padded.dtype == np.int64
    assert padded.shape == (len(chosen), width)
    assert padded.tolist() == [
        sequences[row] + [-7] * (width - len(sequences[row])) for row in chosen
    ]


def test_padding_is_zero_by_default():
    assert ragged([[5], [6, 7]]).pad(np.array([0, 1])).tolist() == [[5, 0], [6, 7]]


def test_the_arrays_are_only_read():
    value = ragged([[1, 2, 3], [4]])
    value.tokens.setflags(write=False)
    value.offsets.setflags(write=False)
    value.truncate(1, "tail")
    value.select(np.array([1, 0]))
    value.pad(np.array([0, 1]))
    assert plain(value) == [[1, 2, 3], [4]]
