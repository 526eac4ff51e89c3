"""Nearest words by the cosine, against NumPy on the whole table."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlab.data import neighbours
from rnnlab.data.neighbours import nearest_words
from rnnlab.data.vectors import write_vectors
from rnnlab.exceptions import UserError

WORDS = [f"w{number}" for number in range(500)]
VALUES = np.random.default_rng(0).normal(size=(500, 12)).astype(np.float32)


@pytest.fixture
def path(tmp_path):
    write_vectors(tmp_path / "v.bin", WORDS, VALUES)
    return tmp_path / "v.bin"


@pytest.mark.parametrize("block", [7, 100, 8192])
@pytest.mark.parametrize("count", [1, 10, 499, 1000])
def test_they_are_those_of_the_whole_table(path, monkeypatch, block, count):
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    unit = VALUES.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    cosines = unit @ unit.T
    found = nearest_words(path, ["w3", "w499"], count)
    assert list(found) == ["w3", "w499"]
    for word, nearest in found.items():
        row = cosines[WORDS.index(word)].copy()
        row[WORDS.index(word)] = -np.inf
        order = np.argsort(-row)[: min(count, 499)]
        assert [one.word for one in nearest] == [WORDS[number] for number in order]
        np.testing.assert_allclose([one.cosine for one in nearest], row[order], atol=1e-6)


def test_of_equals_the_first_comes_first_and_zeros_are_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(neighbours, "_BLOCK", 3)
    rows = [[1, 0], [2, 2], [0, 0], [3, 3], [1, 0], [-1, 0], [1, 1]]
    write_vectors(tmp_path / "v.txt", list("abcdefg"), np.array(rows, np.float32))
    (nearest,) = nearest_words(tmp_path / "v.txt", ["b"], 9).values()
    assert [one.word for one in nearest] == ["d", "g", "a", "e", "f"]
    assert nearest[0].cosine == pytest.approx(1)
    with pytest.raises(UserError, match="the vector of 'c' is zero"):
        nearest_words(tmp_path / "v.txt", ["a", "c"], 2)


def test_a_word_is_found_in_lower_case(tmp_path):
    rows = np.eye(3, dtype=np.float32) + 0.1
    write_vectors(tmp_path / "v.bin", ["Apple", "apple", "pear"], rows)
    found = nearest_words(tmp_path / "v.bin", ["Apple", "PEAR"], 5)
    assert [one.word for one in found["Apple"]] == ["apple", "pear"]
    assert [one.word for one in found["pear"]] == ["Apple", "apple"]


def test_an_absent_word_is_named(path):
    with pytest.raises(UserError, match="no vector for 'zebra'"):
        nearest_words(path, ["w3", "zebra"], 3)


def test_a_damaged_file_is_named(path):
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(UserError, match=r"v\.bin, byte .*ends within word 500"):
        nearest_words(path, ["w3"], 3)


def test_values_of_other_words_are_checked_too(tmp_path):
    values = VALUES.copy()
    values[400, 2] = np.nan
    write_vectors(tmp_path / "v.vec", WORDS, values)
    with pytest.raises(UserError, match=r"v\.vec, line 402: a value is not finite"):
        nearest_words(tmp_path / "v.vec", ["w3"], 3)
