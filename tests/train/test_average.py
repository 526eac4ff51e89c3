"""Averages of parameters: their values, and that the model gets its own back."""

from __future__ import annotations

import random

import pytest
import torch
from torch import nn

from rnnlab.train.average import NonMonotoneAverage, WeightAverage
from rnnlab.train.optimizers import sgd


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


def non_monotone(history: list[float], interval: int) -> int | None:
    """The check (from 1) at which algorithm 1 of Merity et al. begins to average; the logs are
    perplexities, as there, and the best is looked for as its code does."""
    logs: list[float] = []
    for number, value in enumerate(history, 1):
        if len(logs) > interval and value > min(logs[:-interval]):
            return number
        logs.append(value)
    return None


@pytest.mark.parametrize("interval", [1, 2, 5])
@pytest.mark.parametrize("seed", range(8))
def test_averaging_begins_where_validation_stopped_improving(interval, seed):
    chance = random.Random(seed)
    history = [100 / (n + 1) ** 0.3 + chance.gauss(0, 3) for n in range(30)]
    average = NonMonotoneAverage(nn.Linear(3, 2), interval)
    begun = None
    for number in range(1, 31):
        average.update(number)
        average.consider([-value for value in history[:number]])
        if begun is None and average.averages:
            begun = number
    assert begun == non_monotone(history, interval)


def test_a_steady_improvement_or_no_validation_begins_no_average():
    average = NonMonotoneAverage(nn.Linear(3, 2), 1)
    for number in range(30):
        average.consider([float(n) for n in range(number)])
        average.update(number)
    average.consider([])
    assert not average.averages
    assert average.iterates == 0


def test_a_non_monotone_average_is_the_mean_of_all_iterates_since_it_began():
    torch.manual_seed(0)
    model = nn.Linear(3, 2).double()
    average = NonMonotoneAverage(model, 1)
    iterates = []
    for step in range(12):
        with torch.no_grad():
            model.weight += torch.randn_like(model.weight)
        average.update(step)
        if step == 4:
            own = model.weight.detach().clone()
            with average.in_use():  # not begun: the model's own
                assert torch.equal(model.weight, own)
            average.consider([3.0, 2.0, 1.0])
        if step >= 4:
            iterates.append(model.weight.detach().clone())
            average.consider([3.0, 2.0, 1.0])  # once begun, it does not begin anew
    assert average.iterates == len(iterates) == 8
    expected = torch.stack(iterates).mean(dim=0)
    torch.testing.assert_close(average.averages["weight"], expected, rtol=1e-12, atol=1e-15)
    with average.in_use():
        torch.testing.assert_close(model.weight.detach(), expected, rtol=1e-12, atol=1e-15)
    assert torch.equal(model.weight, iterates[-1])


def test_sgd_with_it_is_torchs_asgd_but_for_where_the_mean_begins():
    """torch.optim.ASGD without decay keeps its first mean for a step too long; from then on, both
    are means of the same iterates."""
    torch.manual_seed(0)
    ours, theirs = nn.Linear(3, 2).double(), nn.Linear(3, 2).double()
    theirs.load_state_dict(ours.state_dict())
    average = NonMonotoneAverage(ours, 1)
    optimizer = sgd.Optimizer(ours.named_parameters(), sgd.Options(lr=0.125, weight_decay=0.01))
    reference = torch.optim.ASGD(theirs.parameters(), lr=0.125, t0=0, lambd=0.0, weight_decay=0.01)
    for step in range(10):
        x = torch.randn(4, 3, generator=torch.Generator().manual_seed(step)).double()
        for model in (ours, theirs):
            model(x).square().sum().backward()
        optimizer.step(0.125)
        reference.step()
        optimizer.zero_grad()
        reference.zero_grad()
        if step == 1:
            average.consider([3.0, 2.0, 1.0])
        elif step > 1:
            average.update(step)
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=1e-12, atol=1e-15)
    expected = reference.state[theirs.weight]["ax"]  # its 1/n are in float32
    torch.testing.assert_close(average.averages["weight"], expected, rtol=1e-6, atol=1e-8)


def test_a_loaded_average_goes_on_bit_for_bit():
    model = nn.Linear(2, 3)  # "bias" is sorted before "weight", as files have it
    average, other = NonMonotoneAverage(model, 1), NonMonotoneAverage(model, 1)
    average.consider([3.0, 2.0, 1.0])
    for step in range(6):
        with torch.no_grad():
            model.weight += 0.1
        average.update(step)
        if step == 2:
            copies = {name: average.averages[name].clone() for name in sorted(average.averages)}
            other.load(copies, average.iterates)
        if step > 2:
            other.update(step)
    assert all(torch.equal(average.averages[name], other.averages[name]) for name in copies)
    assert average.iterates == other.iterates
