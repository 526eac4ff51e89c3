"""Word vectors that are given once each: the same as laid out token by token, gradients included.

Legend: D input width, U distinct words.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import example, given, settings
from torch import Tensor, nn

from rnnlab.nn import compiled, reference
from rnnlab.nn.embedding import Embedding, Words
from rnnlab.nn.recurrent import Recurrent
from rnnlab.registry import CELLS

from .helpers import (
    DIM,
    MANY,
    Case,
    assert_same,
    build,
    cases,
    each_form,
    each_variant,
    fresh_memory_is_nan,
    kernel,
    measure,
    needs_kernel,
    pose,
    using,
)

WORDS = 5


def compare(form: str, layer: Recurrent, case: Case, dtype: torch.dtype, allowed: float) -> None:
    """A layer that reads words against the step-by-step reference in double precision, which
    reads them laid out. What is measured of the input are the vectors' gradients."""
    generator = torch.Generator().manual_seed(case.seed)
    shape = (len(case.lengths), max(case.lengths))
    places_BT = torch.randint(0, WORDS, shape, generator=generator)
    table_UD = torch.randn(WORDS, DIM, generator=generator, dtype=torch.float64)
    problem = replace(pose(layer, case), x_BTD=table_UD)
    expected = measure(
        lambda vectors, *rest: reference.recurrent(layer, vectors[places_BT], *rest),
        layer,
        problem,
    )
    layer = layer.to(dtype)
    with using(form):
        assert layer.kernel(table_UD.to(dtype)) == kernel(form, layer)
        found = measure(
            lambda vectors, *rest: layer(Words(vectors, places_BT), *rest),
            layer,
            problem if dtype == torch.float64 else problem.float(),
        )
    assert_same(found, expected, allowed)


@each_form
@each_variant
@settings(max_examples=6, deadline=None)
@given(case=cases(max_length=5, max_batch=7, hidden=(4, 8, 13, 40)))
@example(case=Case((1,), 1, False, True))
@example(case=Case(MANY, 2, True, True, hidden=13))
@example(case=Case((4, 4, 4), 1, True, False, hidden=16))
def test_words_given_once_follow_the_reference(name, options, form, case):
    compare(form, build(name, options, case), case, torch.float64, 1e-12)


@each_form
@each_variant
@settings(max_examples=4, deadline=None)
@given(case=cases(max_length=20, max_batch=8, hidden=(4, 13, 40)))
def test_in_single_precision_too(name, options, form, case):
    compare(form, build(name, options, case), case, torch.float32, 1e-5)


@each_form
@each_variant
@pytest.mark.parametrize("hidden", [300, 580])
def test_where_products_go_in_parts(name, options, form, hidden):
    case = Case((3, 1, 2), 1, True, True, hidden=hidden)
    compare(form, build(name, options, case), case, torch.float64, 1e-12)


@needs_kernel
@each_variant
def test_no_memory_is_read_before_it_is_written(name, options):
    case = Case((3, 1, 3, 2), 2, True, True, hidden=150)
    layer = build(name, options, case)
    with fresh_memory_is_nan():
        compare("native", layer, case, torch.float64, 1e-12)
        words = Words(torch.randn(WORDS, DIM, dtype=torch.float64), torch.zeros(2, 3).long())
        with torch.no_grad():
            outputs, _, _ = layer(words, None)
    assert bool(outputs.isfinite().all())


def test_lengths_are_checked_against_the_places():
    layer = build("lstm", CELLS.load("lstm").Options(), Case((1, 3)))
    words = Words(torch.zeros(WORDS, DIM, dtype=torch.float64), torch.zeros(2, 3).long())
    with pytest.raises(ValueError, match="lengths from 1 to 4 are not within 1 and 3"):
        layer(words, torch.tensor([1, 4]))
    with pytest.raises(ValueError, match=r"lengths \[1\] do not fit a batch of 2"):
        layer(words, torch.tensor([1]))


@needs_kernel
@pytest.mark.parametrize("padding", [0, None])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["64", "32"])
def test_the_tables_gradient_is_torchs(dtype, padding):
    torch.manual_seed(0)
    ours = Embedding(11, 4, padding_idx=padding).to(dtype)
    theirs = nn.Embedding(11, 4, padding_idx=padding).to(dtype)
    theirs.load_state_dict(ours.state_dict())
    tokens_BT = torch.tensor([[3, 5, 3, 3, 0], [5, 9, 3, 0, 0]])
    words = ours.words(tokens_BT)
    assert isinstance(words, Words)
    assert torch.equal(words.laid_out(), theirs(tokens_BT))
    weights = torch.randn(2, 5, 4, dtype=dtype)
    (words.laid_out() * weights).sum().backward()
    (theirs(tokens_BT) * weights).sum().backward()
    gradient = ours.weight.grad
    assert gradient.is_sparse
    assert sorted(gradient._indices()[0].tolist()) == ([3, 5, 9] if padding == 0 else [0, 3, 5, 9])
    assert float((gradient.to_dense() - theirs.weight.grad).abs().max()) < 1e-6


def test_where_few_tokens_repeat_vectors_are_laid_out():
    table = Embedding(11, 4)
    assert isinstance(table.words(torch.arange(10).view(2, 5)), Tensor)


def test_without_the_kernels_vectors_are_laid_out(monkeypatch):
    monkeypatch.setattr(compiled, "available", lambda: False)
    assert isinstance(Embedding(11, 4).words(torch.ones(2, 5, dtype=torch.int64)), Tensor)
