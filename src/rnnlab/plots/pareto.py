"""Quality over cost, and which points nothing beats in both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnnlab.plots.plot import Plot, draw, is_wide, use_logarithms

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_pareto(
    name: str,
    title: str,
    points: Sequence[tuple[str, float, float, bool]],
    *,
    x: str,
    y: str,
    caption: str = "",
    runs: Sequence[str] = (),
    less_is_better: bool = False,
) -> Plot:
    """Draw quality over cost; points on the front are filled, numbered and joined.

    Args:
        name, title, caption, runs: see Plot.
        points: label, cost, quality, whether on the front.
        x, y: titles of cost and quality.
        less_is_better: of the quality, a perplexity; the axis is then turned over, and logarithmic
            where the values span much.
    """

    def fill(axes: Axes) -> str:
        front = sorted((cost, value) for _, cost, value, on in points if on)
        axes.plot(*zip(*front, strict=True), color="#1d4e89", linewidth=1, drawstyle="steps-post")
        by_cost = sorted(range(len(points)), key=lambda index: points[index][1])
        for number, (_, cost, value, on) in enumerate(points, start=1):
            above = by_cost.index(number - 1) % 2  # neighbours' numbers do not meet
            axes.plot(
                cost, value, "o" if on else "s", color="#1d4e89" if on else "#5f6b7a",
                markerfacecolor="#1d4e89" if on else "white", markersize=6,
            )  # fmt: skip
            axes.annotate(
                str(number),
                (cost, value),
                xytext=(5, 5) if above else (-5, -12),
                textcoords="offset points",
                fontsize=8.5,
            )
        if is_wide([cost for _, cost, _, _ in points]):
            use_logarithms(axes, "x")
        if less_is_better and is_wide([value for _, _, value, _ in points]):
            use_logarithms(axes, "y")
        if less_is_better:
            axes.invert_yaxis()
        axes.margins(0.12)
        axes.set(xlabel=x, ylabel=y)
        axes.grid(alpha=0.25, linewidth=0.6)
        listed = ", ".join(
            f"{label} ({cost:.3g}, {value:.4g}{', on the front' if on else ''})"
            for label, cost, value, on in points
        )
        return f"{y} over {x}: {listed}."

    return draw(name, title, fill, caption=caption, runs=runs)
