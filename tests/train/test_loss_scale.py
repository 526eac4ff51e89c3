"""Scaled losses: the same updates, and those that overflow are left out."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rnnlab.exceptions import Diverged
from rnnlab.tasks.classification import LossSum
from rnnlab.train.loop import training_steps
from rnnlab.train.loss_scale import LossScale
from rnnlab.train.optimizers import sgd


def train(factors: list[float], loss_scale: LossScale | None, clip_norm: float | None = None):
    torch.manual_seed(0)
    model = nn.Linear(3, 1).double()
    inputs = torch.randn(4, 3, dtype=torch.float64)

    def loss_sum(model, factor) -> LossSum:
        nats = factor * model(inputs).square().sum()
        return LossSum(nats, nats.new_tensor(4.0), nats.new_zeros(()))

    optimizer = sgd.Optimizer(model.named_parameters(), sgd.Options(lr=0.1))
    steps = training_steps(
        model,
        loss_sum,
        factors,
        optimizer,
        learning_rate=lambda: 0.1,
        clip_norm=clip_norm,
        first_step=0,
        loss_scale=loss_scale,
    )
    return model, [info.gradient_norm for info in steps]


@pytest.mark.parametrize("clip_norm", [None, 0.1])
def test_a_scale_changes_no_update(clip_norm):
    model, norms = train([1.0, 2.0, 3.0], None, clip_norm)
    scaled, found = train([1.0, 2.0, 3.0], LossScale(), clip_norm)
    assert torch.equal(model.weight, scaled.weight)  # a power of two: no rounding
    assert found == norms


def test_an_update_that_overflows_is_left_out_and_halves_the_scale():
    scale = LossScale(2.0**10)
    model, norms = train([1.0, float("inf"), 3.0], scale)
    expected, _ = train([1.0, 3.0], None)
    assert torch.equal(model.weight, expected.weight)
    assert scale == LossScale(2.0**9, clean=1)
    assert not torch.isfinite(torch.tensor(norms[1]))


def test_a_scale_that_has_shrunk_to_nothing_is_a_divergence():
    with pytest.raises(Diverged):
        train([float("inf")] * 40, LossScale())


def test_the_scale_doubles_after_two_thousand_clean_updates():
    scale = LossScale(8.0)
    for _ in range(1999):
        scale.update(finite=True)
    assert scale.value == 8
    scale.update(finite=True)
    assert scale == LossScale(16.0, clean=0)
