"""The compiled form: the same bits whatever the company, no memory read before it is written, and
no gradient but those that it has."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from rnnlab.nn import native
from rnnlab.nn.cells import State
from rnnlab.nn.recurrent import Recurrent
from rnnlab.registry import CELLS

from .helpers import (
    MANY,
    Case,
    Problem,
    Results,
    assert_close,
    assert_same,
    build,
    each_form,
    each_variant,
    fresh_memory_is_nan,
    measure,
    needs_kernel,
    pick,
    pose,
    run,
    run_reference,
    scalar,
    using,
)

CASE = Case(MANY, 1, True, True, hidden=20)
each_type = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["32", "64"])


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def exact(name: str, options: Any, case: Case, dtype: torch.dtype) -> tuple[Recurrent, Problem]:
    """A layer with identity input weights: products outside the kernel are then exact."""
    cell = CELLS.load(name)
    width = cell.GATES * case.hidden
    torch.manual_seed(0)
    layer = Recurrent(
        cell,
        options,
        input_size=width,
        hidden_size=case.hidden,
        bidirectional=case.bidirectional,
    )
    for suffix in layer.suffixes:
        torch.nn.init.eye_(layer.get_parameter(f"weight_ih_l0{suffix}"))
    problem = pose(layer, case, width)
    return layer.to(dtype), problem.float() if dtype == torch.float32 else problem


def assert_no_bit_differs(actual: Results, expected: Results) -> None:
    """All that comes out, and the gradients of the gates."""
    for key in expected:
        if key in ("outputs", "final", "input") or key.startswith("state"):
            assert torch.equal(actual[key], expected[key]), key


@needs_kernel
@each_type
@each_variant
def test_no_bit_depends_on_batch_mates(name, options, dtype):
    layer, problem = exact(name, options, CASE, dtype)
    together = run("native", layer, problem)
    for rows in ([0], [1, 2], [14, 3, 7], list(range(11)), list(range(14, -1, -1))):
        some = problem.pick(rows)
        apart = run("native", layer, some)
        assert_no_bit_differs(apart, pick(together, rows, max(some.lengths)))


@needs_kernel
@pytest.mark.parametrize("bidirectional", [False, True])
@each_type
@each_variant
def test_no_bit_depends_on_the_number_of_threads(name, options, dtype, bidirectional):
    layer, problem = exact(name, options, replace(CASE, bidirectional=bidirectional), dtype)
    with threads(1):
        expected = run("native", layer, problem)
    for count in (2, 3, 4, 9):
        with threads(count):
            found = run("native", layer, problem)
        assert_no_bit_differs(found, expected)
        assert_same(found, expected, 1e-12 if dtype == torch.float64 else 1e-5)


@needs_kernel
@each_type
@each_variant
@pytest.mark.parametrize("hidden", [13, 16, 150])
def test_no_memory_is_read_before_it_is_written(name, options, dtype, hidden):
    case = Case((3, 1, 3, 2), 2, True, True, hidden=hidden)
    layer = build(name, options, case).to(dtype)
    problem = pose(layer, case)
    problem = problem.float() if dtype == torch.float32 else problem
    expected = run("native", layer, problem)
    with fresh_memory_is_nan():
        assert_same(run("native", layer, problem), expected, 0.0)


@needs_kernel
@each_variant
def test_no_state_to_begin_with_is_zero(name, options):
    layer, problem = exact(name, options, CASE, torch.float64)
    layout = native.Layout(torch.tensor(problem.lengths))
    rows_ND = problem.x_BTD[~problem.padding(problem.x_BTD.shape[1])]
    weights = [layer.weights(0, suffix) for suffix in layer.suffixes]
    zero = layer.initial_state(problem.x_BTD)
    with fresh_memory_is_nan():
        outputs, last = native.layer(rows_ND, layout, layer.cell.kind(options), weights, None)
        expected, end = native.layer(rows_ND, layout, layer.cell.kind(options), weights, zero)
    for actual, wanted in zip((outputs, *last), (expected, *end), strict=True):
        assert torch.equal(actual, wanted)


@each_form
@each_variant
def test_strides_change_nothing(name, options, form):
    case = Case((3, 1, 2), 2, True, True, hidden=16)
    layer = build(name, options, case)
    problem = pose(layer, case)
    expected = run(form, layer, problem)

    def turned(tensor: Tensor) -> Tensor:
        return tensor.transpose(0, 1).contiguous().transpose(0, 1)

    for parameter in layer.parameters():
        parameter.data = turned(parameter.data) if parameter.dim() == 2 else parameter.data
    state = tuple(map(turned, problem.state or ()))
    problem = replace(problem, x_BTD=turned(problem.x_BTD), state=state)

    def forward(x_BTD: Tensor, lengths_B: Tensor, state: State | None) -> Any:
        assert not x_BTD.is_contiguous()
        return layer(x_BTD, lengths_B.repeat_interleave(2)[::2], state)

    with using(form):
        assert_same(measure(forward, layer, problem), expected)


@each_form
@each_variant
@pytest.mark.parametrize("bidirectional", [False, True])
def test_gradients_from_above_are_only_read(name, options, form, bidirectional):
    case = Case((3, 1, 2), 1, bidirectional, True, hidden=16)
    layer = build(name, options, case)
    with using(form):
        outputs, final, last = layer(*pose(layer, case).inputs())
    results, sources = [outputs, final, *last], list(layer.parameters())
    above = [torch.randn_like(result) for result in results]
    copies = [gradient.clone() for gradient in above]
    first = torch.autograd.grad(results, sources, above, retain_graph=True)
    for gradient, copy in zip(above, copies, strict=True):
        assert torch.equal(gradient, copy)
    for once, twice in zip(
        first, torch.autograd.grad(results, sources, above, retain_graph=True), strict=True
    ):
        assert torch.equal(once, twice)
    ones = [torch.ones_like(result) for result in results]
    expected = torch.autograd.grad(results, sources, ones, retain_graph=True)
    broadcast = [torch.ones(()).double().expand_as(result) for result in results]
    for actual, wanted in zip(
        torch.autograd.grad(results, sources, broadcast), expected, strict=True
    ):
        assert_close(actual, wanted)


@each_form
@each_variant
def test_the_gradient_of_any_one_result_follows_the_reference(name, options, form):
    case = Case((3, 1, 2), 2, True, True, hidden=13)
    layer = build(name, options, case)
    whole = pose(layer, case)
    for key, weights in whole.on.items():
        problem = replace(whole, on={key: weights})
        assert_same(run(form, layer, problem), run_reference(layer, problem))


@each_form
@each_variant
def test_a_gradient_asked_for_alone_is_what_it_is_among_all(name, options, form):
    case = Case((3, 1, 2), 2, True, True, hidden=13)
    layer = build(name, options, case)
    problem = pose(layer, case)
    expected = run(form, layer, problem)
    x_BTD, lengths_B, state = problem.inputs()
    sources = {"input": x_BTD, **dict(layer.named_parameters())}
    sources |= {f"initial {place}": part for place, part in enumerate(state or ())}
    for key, source in sources.items():
        for each in sources.values():
            each.requires_grad_(each is source)
        with using(form):
            loss = scalar(problem, *layer(x_BTD, lengths_B, state))
        assert_close(torch.autograd.grad(loss, source)[0], expected[key], what=key)


@needs_kernel
@each_variant
def test_a_second_derivative_is_refused(name, options):
    case = Case((3, 2), 2, True)
    layer = build(name, options, case)
    x_BTD, lengths_B, _ = pose(layer, case).inputs()
    x_BTD.requires_grad_()
    loss = layer(x_BTD, lengths_B)[0].square().sum()
    (gradient,) = torch.autograd.grad(loss, x_BTD, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.square().sum().backward()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@each_variant
def test_autocast_and_half_precision_run_torchs_operators(name, options, dtype):
    case = Case((5, 1, 3), 2, True, True, hidden=16)
    layer = build(name, options, case).float()
    problem = pose(layer, case).float()
    assert layer.kernel(problem.x_BTD.to(dtype)) == "torch"
    with torch.autocast("cpu", dtype):
        assert layer.kernel(problem.x_BTD) == "torch"
        found = measure(layer, layer, problem)
    expected = run("dense", layer, problem)
    for key in expected:
        if "relu" not in str(options) or key in problem.on:
            assert_close(found[key], expected[key], 0.1, key)


@needs_kernel
@each_variant
def test_the_kernel_serves_many_callers_at_once(name, options):
    case = Case(MANY, 2, True, True, hidden=20)
    layer = build(name, options, case)
    problem = pose(layer, case)
    expected = run("native", layer, problem)
    with ThreadPoolExecutor(3) as pool:
        for found in pool.map(partial(measure, layer, layer), [problem] * 6):
            assert_same(found, expected)


@needs_kernel
@each_variant
@pytest.mark.parametrize("bidirectional", [False, True])
def test_fading_numbers_are_zero_within_the_layer_alone(name, options, bidirectional):
    """Numbers below the smallest normal one make a processor ten times slower."""
    layer, problem = exact(name, options, replace(CASE, bidirectional=bidirectional), torch.float32)
    smallest = torch.finfo(torch.float32).smallest_normal
    problem = replace(problem, on={key: 1e-36 * value for key, value in problem.on.items()})
    found = run("native", layer, problem)
    magnitudes = torch.cat([found[key].abs().flatten() for key in found if key not in problem.on])
    assert bool((magnitudes > 0).any())
    assert not bool(((magnitudes > 0) & (magnitudes < smallest)).any())
    numbers = torch.full((1_000_000,), smallest)  # enough for all threads
    assert bool((numbers / 2 > 0).all())
