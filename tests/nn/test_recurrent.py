"""Recurrent layers: blind to padding, batch mates and cuts; parameters laid out as torch.nn does.

Every registered cell, in every variant and in both forms.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from rnnlab.nn.cells import State
from rnnlab.registry import CELLS

from .helpers import (
    DIM,
    MANY,
    Case,
    assert_close,
    assert_same,
    build,
    cases,
    counterpart,
    each_form,
    each_variant,
    each_variant_in_torch,
    measure,
    pick,
    pose,
    run,
    run_reference,
    run_torch,
    using,
)


@each_form
@each_variant
@settings(max_examples=10, deadline=None)
@given(case=cases(), extra=st.integers(0, 4))
@example(case=Case((1, 5), 2, True, True), extra=3)
def test_content_and_amount_of_padding_change_nothing(name, options, form, case, extra):
    layer = build(name, options, case)
    problem = pose(layer, case)
    clean, dirty = run(form, layer, problem), run(form, layer, problem.padded(case.seed, extra))
    time = max(case.lengths)
    past = problem.padding(time + extra)
    assert bool((dirty["outputs"][past] == 0).all())
    assert bool((dirty["input"][past] == 0).all())
    cut = {key: dirty[key][:, :time] for key in ("outputs", "input")}
    assert_same({**dirty, **cut}, clean)


@each_form
@each_variant
@settings(max_examples=6, deadline=None)
@given(case=cases(max_batch=5), data=st.data())
@example(case=Case(MANY, 1, True, True, hidden=13), data=None)
def test_batch_mates_and_their_order_change_nothing(name, options, form, case, data):
    layer = build(name, options, case)
    problem = pose(layer, case).padded(seed=1)
    together = run(form, layer, problem)
    rows = list(range(len(case.lengths)))
    order = data.draw(st.permutations(rows)) if data else rows[::-1]
    shuffled = run(form, layer, problem.pick(order).padded(seed=2))
    assert_same(shuffled, together | pick(together, order))
    for row, length in enumerate(case.lengths):
        alone = run(form, layer, problem.pick([row]))
        assert_same(pick(alone, [0]), pick(together, [row], length))


@each_form
@each_variant
@settings(max_examples=10, deadline=None)
@given(case=cases(bidirectional=False), data=st.data())
def test_a_carried_state_goes_on_where_it_was_left(name, options, form, case, data):
    case = replace(case, lengths=tuple(length + 1 for length in case.lengths))
    cuts = [data.draw(st.integers(1, length - 1)) for length in case.lengths]
    layer = build(name, options, case)
    problem = pose(layer, case)

    def in_two(x_BTD: Tensor, lengths_B: Tensor, state: State | None) -> Any:
        head, _, state = layer(x_BTD, torch.tensor(cuts), state)
        rest = [x_TD[cut:] for x_TD, cut in zip(x_BTD, cuts, strict=True)]
        rest_BTD = nn.utils.rnn.pad_sequence(rest, batch_first=True)
        tail, final, state = layer(rest_BTD, lengths_B - torch.tensor(cuts), state)
        whole = [torch.cat([head[row, :cut], tail[row]]) for row, cut in enumerate(cuts)]
        outputs = nn.utils.rnn.pad_sequence(whole, batch_first=True)[:, : x_BTD.shape[1]]
        return outputs, final, state

    with using(form):
        assert_same(measure(in_two, layer, problem), run(form, layer, problem))


@each_form
@each_variant
def test_finals_are_the_outputs_at_each_sequences_own_ends(name, options, form):
    case = Case((4, 1, 6), 2, True)
    layer = build(name, options, case)
    found = run(form, layer, pose(layer, case).padded(seed=0))
    for row, length in enumerate(case.lengths):
        last, first = found["outputs"][row, length - 1], found["outputs"][row, 0]
        expected = torch.cat([last[: case.hidden], first[case.hidden :]])
        assert torch.equal(found["final"][row], expected)
        assert torch.equal(found["state 0"][-2:, row].flatten(), expected)


@each_form
@each_variant
def test_the_backward_direction_is_the_forward_one_on_reversed_sequences(name, options, form):
    case = Case((4, 1, 6), 1, True)
    both = build(name, options, case)
    forward = build(name, options, replace(case, bidirectional=False))
    backward = {k.removesuffix("_reverse"): v for k, v in both.state_dict().items() if "rev" in k}
    forward.load_state_dict(backward)
    x_BTD, lengths, _ = pose(both, case).inputs()
    turned_BTD = x_BTD.clone()
    for row, length in enumerate(case.lengths):
        turned_BTD[row, :length] = x_BTD[row, :length].flip(0)
    with using(form):
        outputs, finals, _ = both(x_BTD, lengths)
        turned, ends, _ = forward(turned_BTD, lengths)
    assert_close(finals[:, case.hidden :], ends)
    for row, length in enumerate(case.lengths):
        assert_close(outputs[row, :length, case.hidden :].flip(0), turned[row, :length])


@each_form
@each_variant
def test_without_gradients_the_numbers_are_the_same(name, options, form):
    case = Case((6, 2, 4), 2, True, True, hidden=20)
    layer = build(name, options, case).float()
    inputs = pose(layer, case).float().inputs()
    with using(form):
        outputs, final, last = layer.train()(*inputs)
        for quiet in (torch.no_grad, torch.inference_mode):
            with quiet():
                found, end, state = layer.eval()(*inputs)
            for actual, wanted in ((found, outputs), (end, final), *zip(state, last, strict=True)):
                assert not actual.requires_grad
                assert_close(actual, wanted, 0.0 if form == "native" else 1e-6)


@each_form
@each_variant
def test_gates_far_into_saturation_follow_the_reference(name, options, form):
    case = Case((6, 1, 3), 2, True, True, hidden=20)
    layer = build(name, options, case)
    problem = pose(layer, case)
    problem = replace(problem, x_BTD=problem.x_BTD * torch.logspace(0, 6, 6).view(1, 6, 1).double())
    found, expected = run(form, layer, problem), run_reference(layer, problem)
    assert all(bool(value.isfinite().all()) for value in found.values())
    for key in problem.on:
        assert_close(found[key], expected[key], what=key)


@each_form
@each_variant
def test_a_nan_stays_in_its_sequence(name, options, form):
    case = Case((4, 3), 2, True, hidden=20)
    layer = build(name, options, case)
    problem = pose(layer, case)
    problem.x_BTD[0, 1, 0] = torch.nan
    with using(form):
        outputs, final, _ = layer(*problem.inputs())
        alone = layer(*problem.pick([1]).inputs())
    assert bool(outputs[0].isnan().all())
    assert bool(final[0].isnan().all())
    assert_close(outputs[1:, :3], alone[0])


@each_form
@each_variant_in_torch
@pytest.mark.parametrize("bidirectional", [False, True])
def test_state_dicts_interchange_with_torch(name, options, form, bidirectional):
    case = Case((4, 2), 2, bidirectional)
    layer, theirs = build(name, options, case), counterpart(name, options, case)
    problem = pose(layer, case)
    assert list(layer.state_dict()) == list(theirs.state_dict())
    layer.load_state_dict(theirs.state_dict())
    assert_same(run(form, layer, problem), run_torch(theirs, problem))
    layer.reset_parameters()
    theirs.load_state_dict(layer.state_dict())
    assert_same(run(form, layer, problem), run_torch(theirs, problem))


@each_variant
def test_layout_of_parameters_and_their_range(name, options):
    case = Case((1,), 2, True)
    layer = build(name, options, case)
    rows = CELLS.load(name).GATES * case.hidden
    assert len(list(layer.parameters())) == 4 * 2 * 2
    for layer_index, width in ((0, DIM), (1, 2 * case.hidden)):
        for suffix in ("", "_reverse"):
            shapes = [tuple(value.shape) for value in layer.weights(layer_index, suffix)]
            assert shapes == [(rows, width), (rows, case.hidden), (rows,), (rows,)]
    values = torch.cat([parameter.flatten() for parameter in layer.parameters()])
    bound = case.hidden**-0.5
    assert 0.9 * bound < float(values.detach().abs().max()) <= bound
    assert values.unique().numel() > 0.99 * values.numel()


@each_form
@each_variant
@pytest.mark.parametrize("bidirectional", [False, True])
def test_without_lengths_every_sequence_has_all_steps(name, options, form, bidirectional):
    case = Case((4, 4, 4), num_layers=2, bidirectional=bidirectional, carried=True)
    layer = build(name, options, case)
    problem = pose(layer, case)
    found = []
    for lengths_B in (None, torch.tensor(case.lengths)):
        x_BTD = problem.x_BTD.clone().requires_grad_()
        with using(form):
            outputs, final, after = layer(x_BTD, lengths_B, problem.state)
        layer.zero_grad()
        (outputs.sin().sum() + final.cos().sum() + sum(s.square().sum() for s in after)).backward()
        gradients = [p.grad for p in layer.parameters()]
        found.append([outputs, final, *after, x_BTD.grad, *gradients])
    for left, right in zip(*found, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-12, atol=1e-12)


@each_form
def test_no_steps_are_refused(form):
    layer = build("lstm", CELLS.load("lstm").Options(), Case((1,)))
    with using(form), pytest.raises(ValueError, match="at least 1 step"):
        layer(torch.zeros(2, 0, DIM, dtype=torch.float64), None)
