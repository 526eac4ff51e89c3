"""Word vectors: the numbers of torch.nn.Embedding, with gradients of the rows that were read."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from rnnlab.nn import compiled
from rnnlab.nn.embedding import Embedding

ROWS = 11

needs_kernels = pytest.mark.skipif(not compiled.available(), reason="compiled kernels not built")
lengths_of = st.lists(st.integers(1, 7), min_size=1, max_size=9)


def tables(dim: int, dtype: torch.dtype, padding: int | None = 0) -> tuple[Embedding, nn.Embedding]:
    torch.manual_seed(dim)
    ours = Embedding(ROWS, dim, padding_idx=padding).to(dtype)
    theirs = nn.Embedding(ROWS, dim, padding_idx=padding).to(dtype)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def padded(lengths: list[int], seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    lengths_B = torch.tensor(lengths)
    tokens_BT = torch.randint(1, ROWS, (len(lengths), max(lengths)), generator=generator)
    is_token_BT = torch.arange(max(lengths)) < lengths_B.unsqueeze(1)
    return tokens_BT.masked_fill(~is_token_BT, 0), lengths_B


def assert_close(one: torch.Tensor, other: torch.Tensor) -> None:
    allowed = 1e-12 if other.dtype == torch.float64 else 1e-5
    assert float((one - other).detach().abs().max()) <= allowed * float(other.detach().abs().max())


@pytest.mark.parametrize("padding", [0, None])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@settings(max_examples=25, deadline=None)
@given(lengths=lengths_of, dim=st.sampled_from([1, 5, 16, 40]), seed=st.integers(0, 999))
def test_vectors_and_gradients_are_torchs(dtype, padding, lengths, dim, seed):
    ours, theirs = tables(dim, dtype, padding)
    tokens_BT, _ = padded(lengths, seed)
    weights = torch.randn(*tokens_BT.shape, dim, dtype=dtype)
    for table in (ours, theirs):
        (table(tokens_BT) * weights).sum().backward()
    assert torch.equal(ours(tokens_BT), theirs(tokens_BT))
    assert_close(ours.weight.grad.to_dense(), theirs.weight.grad)


@needs_kernels
def test_the_gradient_holds_each_row_that_was_read_once_and_no_other():
    ours, _ = tables(4, torch.float32)
    ours(torch.tensor([[3, 5, 3, 0], [5, 9, 3, 0]])).sum().backward()
    places = ours.weight.grad._indices()[0]
    assert sorted(places.tolist()) == [3, 5, 9]


@needs_kernels
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@settings(max_examples=25, deadline=None)
@given(lengths=lengths_of, dim=st.sampled_from([1, 5, 16, 40]), seed=st.integers(0, 999))
def test_the_mean_is_that_of_the_real_tokens(dtype, lengths, dim, seed):
    ours, theirs = tables(dim, dtype)
    tokens_BT, lengths_B = padded(lengths, seed)
    weights = torch.randn(len(lengths), dim, dtype=dtype)
    rows = [theirs(tokens_BT[b, :length]).mean(0) for b, length in enumerate(lengths)]
    expected = torch.stack(rows)
    found = ours.mean(tokens_BT, lengths_B)
    (found * weights).sum().backward()
    (expected * weights).sum().backward()
    assert_close(found, expected)
    assert_close(ours.weight.grad.to_dense(), theirs.weight.grad)


@needs_kernels
def test_the_number_of_threads_changes_nothing():
    ours, _ = tables(40, torch.float32)
    tokens_BT, lengths_B = padded([7, 3, 5, 1, 6], seed=1)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            ours.weight.grad = None
            mean = ours.mean(tokens_BT, lengths_B)
            (mean.square().sum() + ours(tokens_BT).pow(3).sum()).backward()
            results.append((mean.detach(), ours.weight.grad.to_dense()))
    finally:
        torch.set_num_threads(before)
    for mean, gradient in results[1:]:
        assert torch.equal(mean, results[0][0])
        assert torch.equal(gradient, results[0][1])


def test_without_the_kernels_it_is_torchs_embedding(monkeypatch):
    monkeypatch.setattr(compiled, "available", lambda: False)
    ours, _ = tables(4, torch.float32)
    ours(torch.tensor([[1, 2]])).sum().backward()
    assert not ours.weight.grad.is_sparse
    assert not ours.has_mean
