"""The same learning rate throughout."""

from __future__ import annotations

from collections.abc import Sequence

from rnnlab import options

SUMMARY = "constant"
VERSION = 1


class Options(options.Options):
    """A constant rate has no settings."""


def factor(options: Options, epoch: float, epochs: int, history: Sequence[float] = ()) -> float:
    """Return 1."""
    return 1.0
