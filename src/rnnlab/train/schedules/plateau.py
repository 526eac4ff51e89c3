"""Divide the learning rate once validation has not improved for some epochs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, NonNegativeFloat, NonNegativeInt

from rnnlab import options

SUMMARY = "divide by a constant when validation stops improving"
VERSION = 1


class Options(options.Options):
    """Settings of the plateau schedule.

    Attributes:
        patience: epochs without improvement that are tolerated before a division.
        divide_by: the constant.
        least: an improvement by less than this does not count.
    """

    patience: NonNegativeInt = 1
    divide_by: Annotated[float, Field(gt=1)] = 2.0
    least: NonNegativeFloat = 0.0


def factor(options: Options, epoch: float, epochs: int, history: Sequence[float] = ()) -> float:
    """Return divide_by^-k after k plateaus."""
    best, waited, divisions = -math.inf, 0, 0
    for value in history:
        if value > best + options.least:
            best, waited = value, 0
        else:
            waited += 1
        if waited > options.patience:
            divisions, waited = divisions + 1, 0
    return options.divide_by**-divisions
