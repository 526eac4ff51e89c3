"""The running average of parameters: its values, and that the model gets its own back."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rnnlab.train.average import WeightAverage


def test_the_average_follows_its_definition():
    torch.manual_seed(0)
    model = nn.Linear(3, 2).double()
    model.bias.requires_grad_(False)
    average = WeightAverage(model, 0.6)
    expected = model.weight.detach().clone()
    for step in range(1, 9):
        with torch.no_grad():
            model.weight += torch.randn_like(model.weight)
        average.update(step)
        decay = min(0.6, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * model.weight.detach()
    torch.testing.assert_close(average.averages["weight"], expected, rtol=1e-12, atol=0)
    assert list(average.averages) == ["weight"]


def test_the_model_gets_its_own_parameters_back():
    model = nn.Linear(3, 2)
    average = WeightAverage(model, 0.9)
    with torch.no_grad():
        model.weight += 1
    own = model.weight.detach().clone()
    with average.in_use():
        torch.testing.assert_close(model.weight.detach(), own - 1)
    assert torch.equal(model.weight, own)
    with pytest.raises(ZeroDivisionError), average.in_use():
        raise ZeroDivisionError
    assert torch.equal(model.weight, own)
    torch.testing.assert_close(average.averages["weight"], own - 1)
