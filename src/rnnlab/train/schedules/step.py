"""After the first epochs, divide the learning rate by a constant every so many epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveInt

from rnnlab import options

SUMMARY = "divide by a constant every so many epochs"
VERSION = 1


class Options(options.Options):
    """Settings of the step schedule.

    Attributes:
        after: epochs at the full rate before the first division.
        every: epochs between divisions.
        divide_by: the constant.
    """

    after: NonNegativeInt = 1
    every: PositiveInt = 1
    divide_by: Annotated[float, Field(gt=1)] = 2.0


def factor(options: Options, epoch: float, epochs: int, history: Sequence[float] = ()) -> float:
    """Return divide_by^-k after k divisions, the first at the start of epoch `after`."""
    done = int(epoch)
    divisions = 0 if done < options.after else 1 + (done - options.after) // options.every
    return options.divide_by**-divisions
