"""Dropout of recurrent layers: between layers and in training only; and on recurrent matrices."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from rnnlab.nn.recurrent import Recurrent
from rnnlab.registry import CELLS

from .helpers import (
    Case,
    Problem,
    assert_close,
    assert_same,
    build,
    each_form,
    each_variant,
    pose,
    run,
    run_reference,
    using,
)

each_kind = pytest.mark.parametrize("locked", [False, True], ids=["plain", "locked"])


@each_kind
@each_form
@each_variant
@pytest.mark.parametrize("bidirectional", [False, True])
def test_dropout_acts_in_training_only(name, options, form, locked, bidirectional):
    case = Case((5, 3), 3, bidirectional)
    layer = build(name, options, case, dropout=0.5, locked=locked)
    problem = pose(layer, case)
    expected = run(form, build(name, options, case), problem)
    first, second = run(form, layer, problem), run(form, layer, problem)
    assert not torch.allclose(first["outputs"], expected["outputs"], rtol=0, atol=1e-3)
    assert not torch.equal(first["outputs"], second["outputs"])
    assert_same(run(form, layer.eval(), problem), expected, 0.0)


@each_kind
@each_form
def test_dropout_with_one_layer_does_nothing(form, locked):
    case = Case((5, 3))
    layer = build("lstm", CELLS.load("lstm").Options(), case, dropout=0.9, locked=locked)
    problem = pose(layer, case)
    assert_same(run(form, layer, problem), run(form, layer.eval(), problem), 0.0)


def see_through(**settings: Any) -> tuple[Recurrent, Problem]:
    """Two layers, the upper of which hands on what it reads: positive numbers."""
    cell, case = CELLS.load("rnn"), Case((9, 4, 7, 9, 1), 2, True, hidden=8)
    layer = build("rnn", cell.Options(activation="relu"), case, **settings)
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            if name != "weight_ih_l0":
                parameter.fill_(10.0 if name.startswith("bias_ih_l0") else 0.0)
        identity = torch.eye(layer.output_size)
        layer.get_parameter("weight_ih_l1").copy_(identity[: case.hidden])
        layer.get_parameter("weight_ih_l1_reverse").copy_(identity[case.hidden :])
    return layer, pose(layer, case)


def scales(form: str, layer: Recurrent, problem: Problem) -> list[Tensor]:
    """What each number between the layers was multiplied by, per sequence."""
    with using(form), torch.no_grad():
        kept = layer.train()(*problem.inputs())[0]
        whole = layer.eval()(*problem.inputs())[0]
    return [kept[row, :length] / whole[row, :length] for row, length in enumerate(problem.lengths)]


@each_kind
@each_form
def test_one_mask_lies_between_layers_and_keeps_the_mean(form, locked):
    layer, problem = see_through(dropout=0.4, locked=locked)
    torch.manual_seed(0)
    found = torch.stack([torch.cat(scales(form, layer, problem)) for _ in range(100)])
    assert bool(((found == 0) | ((found - 1 / 0.6).abs() < 1e-9)).all())
    assert float(found.mean()) == pytest.approx(1.0, abs=0.05)
    # of 100 draws with deviation 0.8 each; 480 places
    assert float((found.mean(0) - 1).abs().max()) < 0.5


@each_form
def test_a_locked_mask_is_that_of_the_sequence_and_a_plain_one_that_of_the_token(form):
    torch.manual_seed(0)
    layer, problem = see_through(dropout=0.4, locked=True)
    found = scales(form, layer, problem)
    for scale_TK in found:
        assert_close(scale_TK, scale_TK[:1].expand_as(scale_TK))
    ends = {tuple((scale_TK[0] > 0).tolist()) for scale_TK in found}
    assert len(ends) == len(found), "two sequences share a mask"
    layer, problem = see_through(dropout=0.4, locked=False)
    for scale_TK in scales(form, layer, problem):
        assert len((scale_TK > 0).unique(dim=0)) == len(scale_TK)


@each_kind
@each_form
def test_the_gradient_goes_through_the_mask_of_the_forward_pass(form, locked):
    layer, problem = see_through(dropout=0.4, locked=locked)
    with using(form):
        kept, _, _ = layer.train()(*problem.inputs())
        whole, _, _ = layer.eval()(*problem.inputs())
    biases = [layer.get_parameter(f"bias_ih_l0{suffix}") for suffix in layer.suffixes]
    gradient = torch.cat(torch.autograd.grad(kept.sum(), biases))
    scale_BTK = (kept / whole).detach().nan_to_num()  # 0 / 0 at padding
    assert_close(gradient, scale_BTK.sum((0, 1)))


def drop_weights(name: str, options: Any) -> tuple[Recurrent, Recurrent, Problem]:
    """A layer that drops recurrent weights, and one like it that does not."""
    case = Case((5, 3, 4), 2, True, True, hidden=8)
    pair = build(name, options, case, weight_drop=0.4), build(name, options, case)
    for layer in pair:
        for key, parameter in layer.named_parameters():
            # positive biases keep every unit awake, so that no gradient is zero but for the mask
            parameter.data = parameter.data * 0.1 if "weight" in key else parameter.data.abs() + 1
    return *pair, pose(pair[0], case)


@each_form
@each_variant
def test_weight_drop_equals_a_layer_without_the_dropped_weights(name, options, form):
    layer, plain, problem = drop_weights(name, options)
    torch.manual_seed(0)
    found = run(form, layer, problem)
    masks = {key: found[key] != 0 for key in found if key.startswith("weight_hh")}
    with torch.no_grad():
        for key, mask in masks.items():
            assert 0.2 < 1 - float(mask.double().mean()) < 0.6
            plain.get_parameter(key).mul_(mask.double() / 0.6)
    expected = run_reference(plain, problem)
    for key, mask in masks.items():
        expected[key] = expected[key] * mask / 0.6
    assert_same(found, expected)


@each_form
@each_variant
def test_weight_drop_acts_in_training_only_with_a_mask_per_call(name, options, form):
    layer, plain, problem = drop_weights(name, options)
    first, second = run(form, layer, problem), run(form, layer, problem)
    for key in (name for name, _ in layer.named_parameters() if name.startswith("weight_hh")):
        assert not torch.equal(first[key] == 0, second[key] == 0)
    assert not torch.equal(first["weight_hh_l0"] == 0, first["weight_hh_l0_reverse"] == 0)
    assert_same(run(form, layer.eval(), problem), run(form, plain, problem), 0.0)
