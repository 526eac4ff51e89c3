"""Forms of vector files: word2vec's binary one, fastText's text; what is written is read again."""

from __future__ import annotations

import gzip
import struct
import tracemalloc

import numpy as np
import pytest

from rnnlab.data.vectors import locate_vectors, read_vectors, write_vectors
from rnnlab.exceptions import UserError

WORDS = ("the", "Apple", "apple", "naïve", "日本", "x" * 300)
VALUES = np.random.default_rng(1).normal(size=(6, 5)).astype(np.float32)
FORMS = [".txt", ".vec", ".bin", ".txt.gz", ".vec.gz", ".bin.gz"]


def binary(
    words=WORDS, values=VALUES, end: bytes = b"", header: bytes | None = None, tail: bytes = b""
) -> bytes:
    first = header or b"%d %d\n" % values.shape
    rows = zip(words, values, strict=True)
    return (
        first
        + b"".join(
            word.encode() + b" " + struct.pack(f"<{len(row)}f", *row) + end for word, row in rows
        )
        + tail
    )


def write(tmp_path, data: bytes, name: str = "v.bin"):
    path = tmp_path / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def refusal(path, wanted=WORDS) -> str:
    with pytest.raises(UserError) as refused:
        read_vectors(path, wanted)
    message = str(refused.value)
    assert str(path) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", ["v.bin", "v.bin.gz"])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_the_binary_form_is_read_exactly(tmp_path, name, end):
    path = write(tmp_path, binary(end=end), name)
    vectors = read_vectors(path, ["APPLE", "日本", "absent", "the", WORDS[-1]], dim=5)
    assert vectors.words == ("APPLE", "日本", "the", WORDS[-1])
    assert vectors.found_as == ("apple", "日本", "the", WORDS[-1])
    np.testing.assert_array_equal(vectors.values, VALUES[[2, 4, 0, 5]])
    assert read_vectors(path, ["absent"]).values.shape == (0, 5)
    with pytest.raises(UserError, match="vectors of 5 values, the model's embedding has 6"):
        read_vectors(path, ["the"], dim=6)


def test_values_may_hold_the_bytes_of_spaces_and_line_ends(tmp_path):
    values = np.frombuffer(b"    \n\n\n\n \n \n" * 2, np.float32).reshape(2, 3)
    assert np.isfinite(values).all()
    for end in (b"", b"\n"):
        path = write(tmp_path, binary(("a", "b"), values, end))
        np.testing.assert_array_equal(read_vectors(path, ["a", "b"]).values, values)


def test_of_a_word_that_comes_twice_the_first_counts(tmp_path):
    path = write(tmp_path, binary(("a", "a"), VALUES[:2]))
    np.testing.assert_array_equal(read_vectors(path, ["a"]).values, VALUES[:1])


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_file_that_is_longer_than_a_chunk(tmp_path, end):
    values = np.random.default_rng(2).normal(size=(9000, 40)).astype(np.float32)
    words = tuple(f"w{number}" for number in range(len(values)))
    path = write(tmp_path, binary(words, values, end))
    vectors = read_vectors(path, words[::-7])
    np.testing.assert_array_equal(vectors.values, values[::-7])


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_every_cut_of_a_binary_file_is_noticed(tmp_path, end):
    whole = binary(end=end)
    for length in range(len(whole) - len(end)):
        message = refusal(write(tmp_path, whole[:length]), ["the"])
        assert "byte" in message or "line 1" in message
    for name in ("v.bin.gz", "w.bin.gz"):
        path = write(tmp_path, whole, name)
        path.write_bytes(path.read_bytes()[:-5])
        assert "damaged or cut short" in refusal(path)


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (b"", ["byte 0", "a line of two numbers"]),
        (b"the 0.1 0.2\n", ["byte 0", "a line of two numbers"]),
        (b"6 5 1\n" + binary(header=b"\n"), ["byte 0", "a line of two numbers"]),
        (binary(header=b"7 5\n"), ["ends within word 7 of the 7", f"byte {len(binary())}"]),
        (binary(header=b"9" * 11 + b" 5\n"), ["ends within word 7 of the 99,999,999,999"]),
        (binary(header=b"5 5\n"), ["more data after the 5 words"]),
        (binary(tail=b"\n\n"), ["more data after the 6 words"]),
        (binary(tail=b"garbage"), [f"byte {len(binary())}", "more data after"]),
        (binary(end=b"\n", tail=b"x"), ["more data after"]),
        (binary(header=b"6 0\n"), ["line 1", "'6 0'", "cannot be"]),
        (binary(header=b"0 5\n"), ["line 1", "'0 5'", "cannot be"]),
        (binary(header=b"6 99999999\n"), ["line 1", "cannot be"]),
        (binary(header=b"6 " + b"9" * 40 + b"\n"), ["line 1", "cannot be"]),
        (b"9" * 5000 + b" 5\n", ["byte 0", "a line of two numbers"]),
        (b"6 5\n" + b"x" * 200_000, ["byte 4", "word 1 is no text"]),
        (b"6 5\n" + b" " * 200_000, ["byte 4", "word 1 is no text"]),
        (b"6 5\n" + bytes(200_000), ["byte 4", "word 1 is no text"]),
        ((793712314).to_bytes(4, "little") + b"\x0c\0\0\0", ["a model of fastText", ".vec"]),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_a_damaged_binary_file_is_refused_with_the_place(tmp_path, data, parts):
    message = refusal(write(tmp_path, data))
    for part in parts:
        assert part in message


def test_vectors_of_another_length_than_promised_are_noticed(tmp_path):
    values = np.random.default_rng(3).normal(size=(200, 20)).astype(np.float32)
    words = tuple(f"w{number}" for number in range(200))
    for dim in (19, 21):
        path = write(tmp_path, binary(words, values, header=b"200 %d\n" % dim))
        assert "no text" in refusal(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_refused_in_wanted_words(tmp_path, value):
    values = VALUES.copy()
    values[1, 3] = value
    path = write(tmp_path, binary(values=values))
    offset = binary().index(b"Apple")
    assert f"byte {offset}: a value of the word here is not finite" in refusal(path, ["Apple"])
    assert read_vectors(path, ["apple"]).words == ("apple",)


def test_memory_follows_the_wanted_words_not_the_file(tmp_path):
    values = np.zeros((20_000, 200), np.float32)
    words = [f"w{number}" for number in range(len(values))]
    for name in ("v.bin", "v.vec"):
        path = tmp_path / name
        write_vectors(path, words, values)
        tracemalloc.start()
        read_vectors(path, words[:10])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 6e6 < values.nbytes
    bomb = write(tmp_path, b"999999999999 65536\nthe " + bytes(100))
    tracemalloc.start()
    assert "ends within word 1" in refusal(bomb)
    assert tracemalloc.get_traced_memory()[1] < 6e6
    tracemalloc.stop()


FASTTEXT = (
    "6 3\nthe 0.5 -1 2e-1 \n, 1 2 3 \n</s> 4 5 6 \nno\xa0break 7 8 9 \nthe 0 0 0 \n日本 1 1 1 \n"
)


@pytest.mark.parametrize("name", ["wiki.vec", "wiki.vec.gz"])
def test_the_text_form_of_fasttext(tmp_path, name):
    path = write(tmp_path, FASTTEXT.encode(), name)
    vectors = read_vectors(path, ["the", "</s>", "no\xa0break", "日本"], dim=3)
    assert vectors.words == ("the", "</s>", "no\xa0break", "日本")
    expected = np.array([[0.5, -1, 0.2], [4, 5, 6], [7, 8, 9], [1, 1, 1]], np.float32)
    np.testing.assert_array_equal(vectors.values, expected)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (FASTTEXT.replace("6 3", "7 3"), ["line 7: the file ends after 6 of the 7 words"]),
        (FASTTEXT.replace("6 3", "5 3"), ["line 7: after the 5 words that line 1 promises"]),
        (FASTTEXT + "\n", ["line 8: after the 6 words"]),
        (FASTTEXT.replace("6 3", "6 4"), ["line 2: 3 values, expected 4"]),
        (FASTTEXT.replace("6 3", "6 2"), ["line 2: more than 2 values"]),
        (FASTTEXT.replace("6 3", "6 0"), ["line 1: '6 0' promises", "cannot be"]),
        (FASTTEXT.replace("6 3", "6 " + "9" * 30), ["line 1", "cannot be"]),
        (FASTTEXT.replace("6 3", "9" * 30 + " 3"), ["line 1", "cannot be"]),
        (FASTTEXT.replace("6 3", "999999999999 3"), ["ends after 6 of the 999,999,999,999"]),
        ("6 3\n", ["line 1: the file ends after 0 of the 6 words"]),
        ("x" * 3_000_000, ["line 1", "no word with"]),
        ("a 1 2 3\n" + "x" * 3_000_000, ["line 2: longer than 2 MiB"]),
        ("a" + " 1" * 70_000, ["line 1", "no word with 1 to 65,536 values"]),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_a_first_line_that_does_not_fit_is_noticed(tmp_path, text, parts):
    message = refusal(write(tmp_path, text.encode(), "v.vec"))
    for part in parts:
        assert part in message


@pytest.mark.parametrize("form", FORMS)
def test_what_is_written_is_read_bit_for_bit(tmp_path, form):
    odd = np.array([[1e-45, 3.4028235e38, -0.0, 1 / 3, 16777217]], np.float32)
    values = np.concatenate([VALUES, odd])
    path = tmp_path / f"v{form}"
    write_vectors(path, (*WORDS, "odd"), values)
    vectors = read_vectors(path, (*WORDS, "odd"))
    assert vectors.words == (*WORDS, "odd")
    assert vectors.values.tobytes() == values.tobytes()
    again = tmp_path / f"again{form}"
    write_vectors(again, (*WORDS, "odd"), values)
    assert again.read_bytes() == path.read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_a_failed_writing_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="zip"):
        write_vectors(tmp_path / "v.bin", WORDS[:3], VALUES)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", FORMS)
def test_a_name_may_leave_out_the_extension(tmp_path, monkeypatch, form):
    monkeypatch.setenv("RNNLAB_DATA", str(tmp_path))
    monkeypatch.setenv("RNNLAB_CACHE", str(tmp_path / "cache"))
    path = tmp_path / f"crawl-300d{form}"
    write_vectors(path, WORDS, VALUES)
    assert locate_vectors("crawl-300d") == path
    assert locate_vectors(path.name) == path
    assert locate_vectors(path.name.removesuffix(".gz")) == path


@pytest.mark.parametrize("form", [".txt", ".bin", ".txt.gz", ".bin.gz"])
def test_files_of_gensim(tmp_path, form):
    keyed = pytest.importorskip("gensim.models.keyedvectors").KeyedVectors
    theirs = keyed(vector_size=5)
    theirs.add_vectors(list(WORDS), VALUES)
    path = tmp_path / f"v{form}"
    theirs.save_word2vec_format(str(path), binary=".bin" in form)
    vectors = read_vectors(path, WORDS)
    assert vectors.words == WORDS
    tolerance = {} if ".bin" in form else {"rtol": 1e-6}
    np.testing.assert_allclose(vectors.values, VALUES, **{"rtol": 0, **tolerance})
    ours = tmp_path / f"ours{form}"
    write_vectors(ours, WORDS, VALUES)
    back = keyed.load_word2vec_format(str(ours), binary=".bin" in form)
    assert back.index_to_key == list(WORDS)
    np.testing.assert_array_equal(back.vectors, VALUES)
