"""Batches: a pure function of seed and epoch; every row once; near lengths together."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlab.bench.workloads import WORKLOADS
from rnnlab.data.batching import evaluation_batches, training_batches

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=150)


def batches(lengths, batch_size, seed=0, epoch=0) -> list[list[int]]:
    result = training_batches(np.array(lengths), batch_size=batch_size, seed=seed, epoch=epoch)
    return [rows.tolist() for rows in result]


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 20), st.integers(0, 3), st.integers(0, 3))
def test_every_row_once_in_full_batches(lengths, batch_size, seed, epoch):
    np.random.seed(seed)  # the global generator must have no part in it
    result = batches(lengths, batch_size, seed, epoch)
    np.random.seed(99)
    assert result == batches(lengths, batch_size, seed, epoch)
    assert sorted(row for rows in result for row in rows) == list(range(len(lengths)))
    sizes = sorted((len(rows) for rows in result), reverse=True)
    assert all(size == batch_size for size in sizes[:-1])
    assert 0 < sizes[-1] <= batch_size


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 20))
def test_within_a_pool_batches_hold_neighbours_in_length(lengths, batch_size):
    lengths = lengths[: 64 * batch_size]
    spans = [
        (min(lengths[row] for row in rows), max(lengths[row] for row in rows))
        for rows in batches(lengths, batch_size)
    ]
    spans.sort()
    assert all(left[1] <= right[0] for left, right in pairwise(spans))


def test_epochs_and_seeds_differ_and_do_not_depend_on_each_other():
    lengths = list(range(1, 41)) * 3
    seen = {str(batches(lengths, 8, seed, epoch)) for seed in range(4) for epoch in range(4)}
    assert len(seen) == 16


def test_the_order_of_batches_is_not_that_of_lengths():
    lengths = np.repeat(np.arange(1, 65), 4)
    firsts = [lengths[rows[0]] for rows in batches(lengths, 4)]
    assert firsts != sorted(firsts)
    assert firsts != sorted(firsts, reverse=True)


def test_many_pools_cover_each_row_once():
    lengths = np.random.default_rng(0).integers(1, 400, 3000)
    result = batches(lengths, 4)
    assert sorted(row for rows in result for row in rows) == list(range(3000))


@pytest.mark.parametrize("name", ["W5", "W4"], ids=["imdb", "sst5"])
def test_padding_is_under_three_percent_of_the_tokens_of_real_lengths(name):
    (workload,) = [each for each in WORKLOADS if each.name == name]
    lengths = workload.texts(25_000 if name == "W5" else 8_544, seed=0).lengths
    for epoch in range(3):
        result = batches(lengths, 64, epoch=epoch)
        padded = sum(len(rows) * max(lengths[row] for row in rows) for rows in result)
        assert padded - lengths.sum() < 0.03 * padded


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 200))
def test_evaluation_batches_are_bounded_and_cover_each_row_once(lengths, max_tokens):
    result = evaluation_batches(np.array(lengths), max_tokens=max_tokens)
    assert sorted(row for rows in result for row in rows.tolist()) == list(range(len(lengths)))
    for rows in result:
        width = max(lengths[row] for row in rows)
        assert len(rows) == 1 or len(rows) * width <= max_tokens
    order = [lengths[row] for rows in result for row in rows]
    assert order == sorted(lengths, reverse=True)


def test_no_rows_no_batches():
    assert evaluation_batches(np.zeros(0, np.int64), max_tokens=10) == []


@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=200),
    batch_size=st.integers(1, 6),
    max_tokens=st.integers(1, 120),
)
def test_a_token_budget_bounds_every_batch_and_loses_no_row(lengths, batch_size, max_tokens):
    lengths = np.array(lengths)
    result = training_batches(
        lengths, batch_size=batch_size, seed=3, epoch=1, max_tokens=max_tokens
    )
    assert sorted(np.concatenate(result).tolist()) == list(range(len(lengths)))
    for rows in result:
        assert len(rows) <= batch_size
        assert len(rows) == 1 or len(rows) * lengths[rows].max() <= max_tokens
