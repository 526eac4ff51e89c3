"""A triangle wave between a low share of the rate and the full rate.

Source: Smith 2017 (arXiv:1506.01186), section 3.1, policy "triangular".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, PositiveFloat

from rnnlab import options

SUMMARY = "up and down between a low share and the full rate"
VERSION = 1


class Options(options.Options):
    """Settings of the cyclic schedule.

    Attributes:
        period: epochs of a whole cycle, up and down.
        low: share of the full rate at which a cycle begins and ends.
    """

    period: PositiveFloat = 4.0
    low: Annotated[float, Field(ge=0, lt=1)] = 0.1


def factor(options: Options, epoch: float, epochs: int, history: Sequence[float] = ()) -> float:
    """Return the share of the full rate at this point."""
    phase = epoch / options.period % 1
    return options.low + (1 - options.low) * (1 - abs(2 * phase - 1))
