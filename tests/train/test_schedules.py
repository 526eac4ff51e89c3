"""Courses of the learning rate: values at given positions; nothing but the position matters."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rnnlab.registry import SCHEDULES
from rnnlab.train.schedules import constant, cosine, step

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
