"""Recurrent layers equal the definition, torch.nn and the equations, gradients included.

Every registered cell in every variant and both forms; torch.nn and the equations where they are
known. In double precision to rounding, and in single precision as shipped.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings

from rnnlab import diagnosis
from rnnlab.nn import compiled
from rnnlab.nn.recurrent import Recurrent
from rnnlab.registry import CELLS

from . import oracle
from .helpers import (
    DIM,
    MANY,
    Case,
    arrays,
    assert_close,
    assert_same,
    build,
    cases,
    counterpart,
    each_form,
    each_variant,
    each_variant_in_oracle,
    each_variant_in_torch,
    kernel,
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
@settings(max_examples=6, deadline=None)
@given(case=cases(max_length=5, max_batch=7, hidden=(4, 8, 13, 40)))
@example(case=Case((1,), 3, True, True))
@example(case=Case(MANY, 2, True, True, hidden=13))
def test_all_results_follow_the_step_by_step_reference(name, options, form, case):
    layer = build(name, options, case)
    problem = pose(layer, case)
    assert_same(run(form, layer, problem), run_reference(layer, problem))


@each_form
@each_variant_in_torch
@settings(max_examples=12, deadline=None)
@given(case=cases(max_length=9, max_batch=15, hidden=(4, 8, 13, 40)))
@example(case=Case((1,), 3, True))
@example(case=Case((1, 1, 1), 2, True))
@example(case=Case((5, 5, 5), 2, True, True))
@example(case=Case((2, 9, 1, 4), 3, True, True))
def test_parity_with_torch_over_packed_sequences(name, options, form, case):
    layer, theirs = build(name, options, case), counterpart(name, options, case)
    theirs.load_state_dict(layer.state_dict())
    problem = pose(layer, case)
    assert_same(run(form, layer, problem), run_torch(theirs, problem))


@each_form
@each_variant
@pytest.mark.parametrize("hidden", [300, 580])
def test_products_too_wide_for_one_pass_follow_the_reference(name, options, form, hidden):
    case = Case((3, 1, 2), 1, True, True, hidden=hidden)
    layer = build(name, options, case)
    problem = pose(layer, case)
    expected = run_reference(layer, problem)
    assert_same(run(form, layer, problem), expected)
    layer, problem = layer.float(), problem.float()
    found = run(form, layer, problem)
    assert_same(found, run_reference(layer.double(), problem.double()), 1e-5)


@each_form
@each_variant
@pytest.mark.parametrize(
    "case",
    [
        Case((20, 1, 17, 20, 9), 2, True, hidden=32, seed=1),
        Case(MANY, 3, True, True, hidden=40, seed=2),
        Case((12, 12, 12, 12), 1, False, True, hidden=50, seed=3),
    ],
    ids=["two-layers", "many-rows", "one-direction"],
)
def test_float32_as_shipped_agrees_with_float64(name, options, form, case, record_property):
    layer = build(name, options, case).float()
    problem = pose(layer, case).float()
    with using(form):
        record_property("kernel", layer.kernel(problem.x_BTD))
    found = run(form, layer, problem)
    exact = layer.double()  # the same numbers: float32 converts without rounding
    assert_same(found, run_reference(exact, problem.double()), 1e-5)


@each_form
@each_variant
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_kernel_that_is_named_is_the_one_that_runs(name, options, form, dtype):
    layer = build(name, options, Case((2,))).to(dtype)
    x_BTD = torch.zeros(1, 2, DIM, dtype=dtype)
    with using(form):
        named = layer.kernel(x_BTD)
        nodes = [layer(x_BTD, torch.tensor([2]))[0].grad_fn]
    seen = set()
    while nodes:
        node = nodes.pop()
        seen.add(node.name())
        nodes += [parent for parent, _ in node.next_functions if parent is not None]
    assert named == kernel(form, layer)
    assert (named == compiled.name()) == ("_LayerBackward" in seen)


@each_form
@pytest.mark.parametrize("name", sorted(CELLS.names))
def test_the_diagnosis_names_the_kernel_that_trains(name, form):
    """Which one it is depends on the machine; that the two agree does not."""
    case = Case((20,) * 16, 2, True)
    layer = build(name, CELLS.load(name).Options(), case).float()
    problem = pose(layer, case).float()
    with (
        using(form),
        torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile,
    ):
        named = diagnosis.kernel(layer.cell)
        measure(layer, layer, problem)
    operators = {event.key for event in profile.key_averages()}
    assert ("compiled" in named) == (kernel(form, layer) != "torch")
    assert ("oneDNN" in named) == any("mkldnn_rnn" in operator for operator in operators)


def assert_equals_oracle(
    form: str, layer: Recurrent, name: str, case: Case, weights: dict[str, Any]
) -> None:
    """Outputs and states against the oracle with `weights`, and the gradients of everything along
    one random direction."""
    problem = pose(layer, case)
    found = run(form, layer, problem)
    x_BTD = problem.x_BTD.numpy()
    start = [part.numpy() for part in problem.state or layer.initial_state(problem.x_BTD)]
    random = np.random.default_rng(case.seed)
    turn = {key: random.standard_normal(value.shape) for key, value in weights.items()}
    turn_input = random.standard_normal(x_BTD.shape)
    turn_start = [random.standard_normal(part.shape) * case.carried for part in start]

    def unroll(row: int, step: complex) -> Any:
        return oracle.recurrent(
            name,
            layer.options,
            (x_BTD + step * turn_input)[row, : case.lengths[row]],
            tuple((s + step * d)[:, row] for s, d in zip(start, turn_start, strict=True)),
            {key: value + step * turn[key] for key, value in weights.items()},
            num_layers=case.num_layers,
            bidirectional=case.bidirectional,
        )

    def loss(step: complex) -> Any:
        total: Any = 0
        for row, length in enumerate(case.lengths):
            outputs, final, last = unroll(row, step)
            on = {key: value.numpy() for key, value in pick(problem.on, [row], length).items()}
            total += (outputs * on["outputs"][0]).sum() + (final * on["final"][0]).sum()
            for place, part in enumerate(last):
                total += (part * on[f"state {place}"][:, 0]).sum()
        return total

    for row, length in enumerate(case.lengths):
        outputs, final, last = unroll(row, 0)
        assert_close(found["outputs"][row, :length], torch.from_numpy(outputs), what="outputs")
        assert_close(found["final"][row], torch.from_numpy(final), what="final")
        for place, part in enumerate(last):
            assert_close(found[f"state {place}"][:, row], torch.from_numpy(part), what="state")
    turn["input"] = turn_input
    turn |= {f"initial {place}": part for place, part in enumerate(turn_start) if case.carried}
    terms = [found[key].numpy() * direction for key, direction in turn.items()]
    slope = oracle.derivative(loss)
    assert abs(slope - sum(term.sum() for term in terms)) <= 1e-12 * sum(
        np.abs(term).sum() for term in terms
    ), "gradients"


@each_form
@each_variant_in_oracle
@settings(max_examples=10, deadline=None)
@given(case=cases(max_length=5, max_batch=3))
@example(case=Case((1,)))
@example(case=Case((3, 1, 4), 2, True, True))
def test_outputs_states_and_gradients_follow_the_equations(name, options, form, case):
    layer = build(name, options, case)
    assert_equals_oracle(form, layer, name, case, arrays(layer))


@each_form
@each_variant_in_oracle
@pytest.mark.parametrize("kind", ["weight_ih", "weight_hh"])
def test_a_swap_of_two_gates_is_noticed(name, options, form, kind):
    case = Case((3, 2), carried=True, seed=5)  # under relu, states from zero may stay there
    layer = build(name, options, case)
    weights = arrays(layer)
    assert_equals_oracle(form, layer, name, case, weights)
    for first, second in itertools.combinations(range(layer.cell.GATES), 2):
        order = list(range(layer.cell.GATES))
        order[first], order[second] = second, first
        blocks = np.split(weights[f"{kind}_l0"], len(order))
        mutated = {f"{kind}_l0": np.concatenate([blocks[block] for block in order])}
        with pytest.raises(AssertionError, match="outputs"):
            assert_equals_oracle(form, layer, name, case, {**weights, **mutated})


@each_form
@each_variant_in_oracle
def test_a_swap_of_two_directions_is_noticed(name, options, form):
    case = Case((3, 2), bidirectional=True, seed=5)
    layer = build(name, options, case)
    weights = arrays(layer)
    mutated = {}
    for key in weights:
        base = key.removesuffix("_reverse")
        mutated[key] = weights[base if base != key else f"{key}_reverse"]
    with pytest.raises(AssertionError, match="outputs"):
        assert_equals_oracle(form, layer, name, case, mutated)


@each_form
def test_the_gru_tells_its_two_biases_apart(form):
    case = Case((3, 2), seed=5)
    layer = build("gru", CELLS.load("gru").Options(), case)
    weights = arrays(layer)
    weights["bias_ih_l0"], weights["bias_hh_l0"] = weights["bias_hh_l0"], weights["bias_ih_l0"]
    with pytest.raises(AssertionError, match="outputs"):
        assert_equals_oracle(form, layer, "gru", case, weights)
