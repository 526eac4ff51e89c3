"""Pretrained vectors: what is read, what is refused, and by which line."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from rnnlab.data.download import find_by_name
from rnnlab.data.vectors import coverage, locate_vectors, read_vectors
from rnnlab.exceptions import UserError

TEXT = """the 0.5 -1 2e-1
apple 1 2 3
Apple 4 5 6
. . . 7 8 9
naïve 10 11 12
the 0 0 0
"""


def write(tmp_path, text: str, name: str = "v.txt"):
    path = tmp_path / name
    data = text.encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


@pytest.mark.parametrize("name", ["v.txt", "v.txt.gz"])
def test_wanted_words_are_read_exactly_first_then_in_lower_case(tmp_path, name):
    wanted = ["Naïve", "the", "absent", "Apple", "APPLE", ". . ."]
    vectors = read_vectors(write(tmp_path, TEXT, name), wanted)
    assert vectors.words == ("Naïve", "the", "Apple", "APPLE", ". . .")
    assert vectors.num_lowercased == 2
    assert vectors.values.dtype == np.float32
    np.testing.assert_array_equal(
        vectors.values,
        np.array([[10, 11, 12], [0.5, -1, 0.2], [4, 5, 6], [1, 2, 3], [7, 8, 9]], np.float32),
    )


def test_no_wanted_word_gives_an_empty_table(tmp_path):
    vectors = read_vectors(write(tmp_path, TEXT), ["absent"])
    assert vectors.words == ()
    assert vectors.values.shape == (0, 3)


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("\n", " \n"),
        TEXT.rstrip(),
        "6 3\n" + TEXT,
    ],
)
def test_other_line_ends_and_the_header_of_word2vec_are_understood(tmp_path, text):
    wanted = ["the", "Apple", ". . .", "naïve"]
    expected = read_vectors(write(tmp_path, TEXT), wanted, dim=3)
    vectors = read_vectors(write(tmp_path, text, "other.txt"), wanted, dim=3)
    assert vectors.words == expected.words
    np.testing.assert_array_equal(vectors.values, expected.values)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("pear 1 2", "2 values, expected 3"),
        ("unwanted 1 2", "2 values, expected 3"),
        ("pear", "0 values, expected 3"),
        ("", "expected 3"),
        ("pear 1 2 3 4", "more than 3 values"),
        ("unwanted 1 2 3 4", "more than 3 values"),
        ("pear 1 x 3", "could not convert"),
        ("pear 1 nan 3", "not finite"),
        ("pear 1 1e99 3", "not finite"),
        ("pear 1  3", "not 3 values"),
    ],
)
def test_a_malformed_line_is_named(tmp_path, line, what):
    lines = TEXT.splitlines()
    lines.insert(3, line)
    path = write(tmp_path, "\n".join(lines) + "\n")
    with pytest.raises(UserError) as refused:
        read_vectors(path, ["pear", "the"])
    message = str(refused.value)
    assert message.startswith(f"{path}, line 4: ")
    assert what in message
    assert "\n" not in message


@pytest.mark.parametrize("text", ["", "\n", "the\n", "the 1 two 3\n"])
def test_the_first_line_must_be_a_vector(tmp_path, text):
    with pytest.raises(UserError, match="line 1: "):
        read_vectors(write(tmp_path, text), ["the"])


def test_another_dimension_names_both(tmp_path):
    with pytest.raises(UserError, match=r"vectors of 3 values, the model's embedding has 100"):
        read_vectors(write(tmp_path, TEXT), ["the"], dim=100)


def test_a_gzip_cut_short_is_noticed(tmp_path):
    path = write(tmp_path, TEXT * 100, "v.txt.gz")
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UserError, match="damaged or cut short"):
        read_vectors(path, ["the"])
    path.write_text(TEXT)
    with pytest.raises(UserError, match="damaged or cut short"):
        read_vectors(path, ["the"])
    path.unlink()
    with pytest.raises(UserError, match="cannot be read"):
        read_vectors(path, ["the"])


def test_coverage_counts_types_and_tokens():
    measured = coverage(("the", "apple", "elsewhere"), {"the": 6, "apple": 1, "zork": 3})
    assert (measured.num_types, measured.num_types_found) == (3, 2)
    assert (measured.num_tokens, measured.num_tokens_found) == (10, 7)
    assert measured.types == pytest.approx(2 / 3)
    assert measured.tokens == pytest.approx(0.7)
    assert coverage((), {}).tokens == 0


def test_vectors_are_found_by_path_and_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RNNLAB_DATA", str(tmp_path))
    path = write(tmp_path, TEXT, "small.3d.txt.gz")
    assert locate_vectors(path) == path
    assert locate_vectors("small.3d.txt.gz") == path
    assert locate_vectors("small.3d") == path
    for absent in ("large.300d", str(tmp_path / "large.300d.txt")):
        with pytest.raises(UserError, match=r"RNNLAB_DATA.*glove\.6B\.zip"):
            locate_vectors(absent)


def test_the_facts_of_real_vectors():
    path = find_by_name("glove.6B.50d.txt.gz")
    if path is None:
        pytest.skip("GloVe is not here: set RNNLAB_DATA to the folder that holds it")
    vectors = read_vectors(path, ["The", "zzzzzzzz"], dim=50)
    assert vectors.words == ("The",)
    assert vectors.values[0, 0] == np.float32(0.418)
