"""Figures as people read them."""

from __future__ import annotations

import pytest

from rnnlab.wording import listed, perplexity_text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (122.168, "122.17"),
        (9999.994, "9999.99"),
        (52310.4, "52,310"),
        (3.12e8, "3.1e+08"),
        (float("inf"), "inf"),
    ],
)
def test_perplexities(value, shown):
    assert perplexity_text(value) == shown


def test_lists():
    assert [listed("abc"[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
