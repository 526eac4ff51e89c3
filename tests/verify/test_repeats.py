"""Repeated texts are found, word by word and nearly, and others are not."""

from __future__ import annotations

import numpy as np

from rnnlab.data.token_cache import tokenize_all
from rnnlab.verify.repeats import TextForms, near_repeats

LONG = [f"w{number}" for number in range(40)]


def forms(*splits):
    made = TextForms()
    return [made.add(*tokenize_all(texts, str.split)) for texts in splits]


def test_case_and_punctuation_do_not_count():
    train, held_out = forms(
        ["A good film .", "", "bad"], ["a GOOD film", "a film good", "", "bad !"]
    )
    assert train.contains(held_out).tolist() == [True, False, False, True]


def test_a_changed_word_leaves_a_near_repeat():
    changed = [*LONG[:5], "other", *LONG[6:]]
    half = [*LONG[:20], *(f"v{number}" for number in range(20))]
    texts = [" ".join(words) for words in (changed, half, LONG[10:36], LONG[:12])]
    train, held_out = forms(["something else", " ".join(LONG)], texts)
    # one changed word spoils 6 of 33 runs; the last is too short to tell
    assert near_repeats(train, held_out).tolist() == [1, -1, 1, -1]
    assert not train.contains(held_out).any()


def test_runs_from_many_texts_are_no_repeat():
    pieces = [" ".join(LONG[start : start + 16]) for start in range(0, 40, 4)]
    train, held_out = forms(pieces, [" ".join(LONG)])
    assert near_repeats(train, held_out).tolist() == [-1]


def test_nothing_to_compare():
    train, held_out = forms([], ["a b c"])
    assert near_repeats(train, held_out).tolist() == [-1]
    assert not train.contains(held_out).any()
    assert np.array_equal(held_out.counts, [0])
