"""The same learning rate throughout."""

from __future__ import annotations

from rnnlab import options

SUMMARY = "constant"
VERSION = 1


class Options(options.Options):
    """A constant rate has no settings."""


def factor(options: Options, epoch: float, epochs: int) -> float:
    """Return 1."""
    return 1.0
