"""Courses of the learning rate: values at given positions; nothing but the position matters."""

from __future__ import annotations

import math
import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rnnlab.registry import SCHEDULES
from rnnlab.train.schedules import constant, cosine, cyclic, plateau, step

NAMES = sorted(SCHEDULES.names)


@pytest.mark.parametrize("position", [0.0, 0.3, 5.0, 10.0])
def test_constant(position):
    assert constant.factor(constant.Options(), position, 10) == 1


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        (0.0, 1),
        (4.999, 1),
        (5.0, 1 / 3),
        (6.5, 1 / 3),
        (6.999, 1 / 3),
        (7.0, 1 / 9),
        (8.99, 1 / 9),
        (9.0, 1 / 27),
        (20.0, 3.0**-8),
    ],
)
def test_step_divides_at_the_start_of_epochs(position, expected):
    options = step.Options(after=5, every=2, divide_by=3)
    assert step.factor(options, position, 20) == pytest.approx(expected, rel=1e-15)


def test_step_by_default_halves_every_epoch_after_the_first():
    values = [step.factor(step.Options(), epoch, 4) for epoch in (0, 1, 2, 3)]
    assert values == [1, 0.5, 0.25, 0.125]


def test_step_may_divide_from_the_first_epoch_on():
    options = step.Options(after=0, every=3, divide_by=10)
    values = [step.factor(options, epoch, 6) for epoch in (0, 2.9, 3)]
    assert values == pytest.approx([0.1, 0.1, 0.01], rel=1e-15)


@pytest.mark.parametrize("final", [0.0, 0.1, 1.0])
@pytest.mark.parametrize(
    ("position", "wave"),
    [
        (0, 1),
        (2, (1 + math.sqrt(0.5)) / 2),
        (8 / 3, 0.75),
        (4, 0.5),
        (16 / 3, 0.25),
        (8, 0),
        (8.5, 0),
        (16, 0),
    ],
)
def test_cosine(position, wave, final):
    found = cosine.factor(cosine.Options(final=final), position, 8)
    assert found == pytest.approx(final + (1 - final) * wave, rel=0, abs=1e-15)


@given(st.floats(0, 12), st.floats(0, 12))
def test_cosine_never_rises(first, second):
    early, late = sorted((first, second))
    options = cosine.Options(final=0.2)
    assert cosine.factor(options, early, 10) >= cosine.factor(options, late, 10)


@pytest.mark.parametrize(
    ("position", "expected"), [(0, 0.2), (1, 0.6), (2, 1.0), (3.5, 0.4), (4, 0.2), (6, 1.0)]
)
def test_cyclic(position, expected):
    options = cyclic.Options(period=4, low=0.2)
    assert cyclic.factor(options, position, 9) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("history", "divisions"),
    [
        ([], 0),
        ([0.5, 0.6, 0.7], 0),
        ([0.7, 0.6], 0),
        ([0.7, 0.6, 0.7], 1),
        ([0.7, 0.6, 0.7, 0.7], 1),
        ([0.7, 0.6, 0.7, 0.7, 0.7], 2),
        ([0.7, 0.6, 0.8, 0.6, 0.9], 0),
        ([0.70, 0.704, 0.708], 1),
        ([-0.5, -0.6, -0.7], 1),
    ],
)
def test_plateau_divides_once_patience_is_spent(history, divisions):
    options = plateau.Options(patience=1, divide_by=4, least=0.01)
    assert plateau.factor(options, len(history), 20, history) == 4.0**-divisions


def test_plateau_is_torchs_reduce_on_plateau():
    generator = random.Random(3)
    for patience in (0, 1, 3):
        weight = torch.nn.Parameter(torch.zeros(()))
        optimizer = torch.optim.SGD([weight], lr=1.0)
        theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer,
            "max",
            factor=0.5,
            patience=patience,
            threshold=0.02,
            threshold_mode="abs",
            eps=0,
        )
        options = plateau.Options(patience=patience, divide_by=2, least=0.02)
        history: list[float] = []
        for _ in range(40):
            history.append(generator.random())
            theirs.step(history[-1])
            found = plateau.factor(options, len(history), 40, history)
            assert found == optimizer.param_groups[0]["lr"]


@pytest.mark.parametrize("name", NAMES)
def test_values_depend_on_the_position_alone(name):
    module = SCHEDULES.load(name)
    options = module.Options()
    before = options.model_dump()
    positions = [number / 8 for number in range(0, 81)]
    in_order = {position: module.factor(options, position, 10) for position in positions}
    assert all(math.isfinite(value) and value >= 0 for value in in_order.values())
    assert max(in_order.values()) > 0
    random.Random(0).shuffle(positions)
    assert {position: module.factor(module.Options(), position, 10) for position in positions} == (
        in_order
    )
    assert options.model_dump() == before


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        (step.Options, {"divide_by": 1.0}),
        (step.Options, {"every": 0}),
        (step.Options, {"after": -1}),
        (cosine.Options, {"final": 1.5}),
        (cosine.Options, {"final": -0.1}),
    ],
)
def test_senseless_settings_are_refused(options, wrong):
    with pytest.raises(ValidationError):
        options(**wrong)
