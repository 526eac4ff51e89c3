"""Which configurations nothing beats in both cost and quality."""

from __future__ import annotations

from collections.abc import Sequence


def pareto_front(quality: Sequence[float], cost: Sequence[float]) -> list[bool]:
    """Whether each point is on the front: none is as good in both and better in one.

    Args:
        quality: higher is better.
        cost: lower is better.
    """
    points = list(zip(quality, cost, strict=True))
    return [
        not any(q >= quality_ and c <= cost_ and (q, c) != (quality_, cost_) for q, c in points)
        for quality_, cost_ in points
    ]
