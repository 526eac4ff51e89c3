"""The padded form: sequences reversed in place, and cells that are nothing but a step."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlab.nn.dense import reversal, reverse

from .helpers import MANY, Case, assert_same, build, each_variant, measure, pose, run_reference


@settings(max_examples=25, deadline=None)
@given(lengths=st.lists(st.integers(1, 7), min_size=1, max_size=5), extra=st.integers(0, 2))
def test_reversal_stays_within_each_sequence_and_undoes_itself(lengths, extra):
    time = max(lengths) + extra
    x_TBD = torch.randn(time, len(lengths), 2, dtype=torch.float64, requires_grad=True)
    order = reversal(torch.tensor(lengths), time)
    turned = reverse(x_TBD, order)
    for row, length in enumerate(lengths):
        assert torch.equal(turned[:length, row], x_TBD[:length, row].flip(0))
        assert torch.equal(turned[length:, row], x_TBD[length:, row])
    assert torch.equal(reverse(turned, order), x_TBD)
    weights = torch.randn_like(x_TBD)
    (gradient,) = torch.autograd.grad((turned * weights).sum(), x_TBD)
    assert torch.equal(gradient, reverse(weights, order))


@each_variant
@pytest.mark.parametrize("lengths", [MANY, (3, 3), (1,)])
def test_a_cell_needs_no_more_than_a_step(name, options, lengths):
    case = Case(lengths, 2, True, True)
    layer = build(name, options, case)
    cell: Any = layer.cell
    layer.cell = SimpleNamespace(GATES=cell.GATES, STATES=cell.STATES, step=cell.step)  # type: ignore[assignment]
    problem = pose(layer, case).padded(seed=0, extra=1)
    assert layer.kernel(problem.x_BTD) == "torch"
    found = measure(layer, layer, problem)
    assert_same(found, run_reference(layer, problem))
