"""Labels: whole numbers in one spelling, names as they are, everything else refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlab.data.labels import label_order, normalise_label


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("4", "4"),
        (4, "4"),
        (4.0, "4"),
        ("4.0", "4"),
        ("4.00", "4"),
        ("4.", "4"),
        (" 4\t", "4"),
        ("+4", "4"),
        ("004", "4"),
        (".0", "0"),
        ("-1", "-1"),
        (-1.0, "-1"),
        ("-0.0", "0"),
        (-0.0, "0"),
        (0, "0"),
        (1e16, "10000000000000000"),
        (np.int64(3), "3"),
        (np.float32(3.0), "3"),
        (True, "true"),
        (False, "false"),
        ("True", "True"),
        ("positive", "positive"),
        (" very good ", "very good"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("1,5", "1,5"),
        ("١", "١"),
        ("4 stars", "4 stars"),
        ("v1.5", "v1.5"),
        ("-", "-"),
        (".", "."),
        ("e5", "e5"),
        ("None", "None"),
        ("nano", "nano"),
    ],
)
def test_a_label_has_one_spelling(value, label):
    assert normalise_label(value) == label


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (3.5, "whole number"),
        ("3.5", "whole number"),
        (".5", "whole number"),
        (math.nan, "whole number"),
        (math.inf, "whole number"),
        (np.float32("nan"), "whole number"),
        ("nan", "whole number"),
        ("NaN", "whole number"),
        ("-inf", "whole number"),
        ("Infinity", "whole number"),
        ("1e400", "exponent"),
        ("1e3", "exponent"),
        ("4.0E-1", "exponent"),
        ("", "missing"),
        ("  \n", "missing"),
        (None, "missing"),
        ([4], "list"),
        (b"4", "bytes"),
    ],
)
def test_what_is_neither_a_whole_number_nor_a_name_is_refused(value, problem):
    with pytest.raises(ValueError, match=problem):
        normalise_label(value)


@given(st.integers())
def test_numbers_and_their_texts_are_the_same_label(number):
    assert normalise_label(number) == normalise_label(str(number)) == normalise_label(f"{number}.0")


@given(st.text() | st.integers() | st.floats() | st.booleans() | st.none())
def test_a_label_is_its_own_spelling(value):
    try:
        label = normalise_label(value)
    except ValueError:
        return
    assert normalise_label(label) == label


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (["10", "9", "-1", "2", "2"], ("-1", "2", "9", "10")),
        (["10", "9", "x"], ("10", "9", "x")),
        (["b", "B", "a"], ("B", "a", "b")),
        ([], ()),
        (["1" + "0" * 5000, "2"], ("2", "1" + "0" * 5000)),
    ],
)
def test_whole_numbers_are_in_numeric_order_and_names_in_that_of_their_characters(names, order):
    assert label_order(names) == order
