"""Half a cosine from the full rate to a final share of it. Source: Loshchilov & Hutter 2017
(arXiv:1608.03983), eq. 5, without restarts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from rnnlab import options

SUMMARY = "half a cosine down to a final share"
VERSION = 1


class Options(options.Options):
    """Settings of the cosine schedule.

    Attributes:
        final: share of the full rate at the last epoch's end.
    """

    final: Annotated[float, Field(ge=0, le=1)] = 0.0


def factor(options: Options, epoch: float, epochs: int, history: Sequence[float] = ()) -> float:
    """Return the share of the full rate at this point."""
    wave = 0.5 * (1 + math.cos(math.pi * min(epoch / epochs, 1.0)))
    return options.final + (1 - options.final) * wave
