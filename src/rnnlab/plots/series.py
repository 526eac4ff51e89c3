"""Values over numbers, or over named levels, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill as fill_text
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnlab.plots.plot import Plot, draw, is_wide, marks, use_logarithms

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_TICKS = 8
_LABEL = 24  # letters in a line of a level's label
_GUIDE: Any = {"color": "#5f6b7a", "linewidth": 0.8, "linestyle": (0, (2, 3))}


@dataclass(frozen=True)
class Series:
    """A line with intervals.

    Attributes:
        label: in the legend.
        x: places; numbers, or positions of names.
        y: values.
        low, high: ends of the intervals; None where there are none.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None

    @property
    def text(self) -> str:
        """The values in words."""
        points = ", ".join(f"{x:g}: {y:.4g}" for x, y in zip(self.x, self.y, strict=True))
        return f"{self.label}: {points}."


def draw_series(
    name: str,
    title: str,
    series: Sequence[Series],
    *,
    x: str,
    y: str,
    caption: str = "",
    runs: Sequence[str] = (),
    base: float | None = None,
    whole: bool = False,
    unbounded: bool = False,
) -> Plot:
    """Draw values over numbers.

    Args:
        name, title, caption, runs: see Plot.
        base: a place to mark.
        series, x, y, whole, unbounded: see `fill_series`.
    """

    def fill(axes: Axes) -> str:
        fill_series(axes, series, x=x, y=y, whole=whole, unbounded=unbounded)
        if base is not None:
            axes.axvline(base, **_GUIDE)
        if len(series) > 1:  # above the axes, where it hides nothing
            axes.figure.legend(loc="outside upper center", ncols=2)
        return f"{y} over {x}. " + " ".join(item.text for item in series)

    return draw(name, title, fill, caption=caption, runs=runs)


def fill_series(
    axes: Axes,
    series: Sequence[Series],
    *,
    x: str,
    y: str,
    whole: bool = False,
    unbounded: bool = False,
) -> None:
    """Draw lines into axes.

    Args:
        axes: to draw into.
        series: the lines.
        x, y: titles of the axes.
        whole: whether places are whole numbers, all marked on the axis (epochs).
        unbounded: whether values may span so much that they need logarithms (perplexities).
    """
    from matplotlib.ticker import MaxNLocator, NullLocator

    places = sorted({place for item in series for place in item.x})
    for item, (colour, line, marker) in zip(series, marks(len(series)), strict=True):
        axes.plot(item.x, item.y, color=colour, linestyle=line, marker=marker, label=item.label)
        if item.low is not None and item.high is not None:
            below = np.maximum(np.subtract(item.y, item.low), 0)
            above = np.maximum(np.subtract(item.high, item.y), 0)
            axes.errorbar(
                item.x, item.y, [below, above], fmt="none", ecolor=colour, elinewidth=1, capsize=3
            )
    axes.set(xlabel=x, ylabel=y)
    axes.grid(alpha=0.25, linewidth=0.6)
    if whole and len(places) > _MOST_TICKS:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    elif not whole and places and is_wide(places):
        axes.set_xscale("log")
        axes.set_xticks(places, [f"{place:g}" for place in places])
        axes.xaxis.set_minor_locator(NullLocator())
    elif places and len(places) <= _MOST_TICKS:
        axes.set_xticks(places, [f"{place:g}" for place in places])
    if unbounded and is_wide([value for item in series for value in item.y]):
        use_logarithms(axes, "y")


def draw_levels(
    name: str,
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    x: str,
    caption: str = "",
    runs: Sequence[str] = (),
    base: int | None = None,
    unbounded: bool = False,
) -> Plot:
    """Draw values of named levels, one a row, with intervals.

    Args:
        name, title, caption, runs: see Plot.
        labels: of the rows, from above.
        series: their values; `x` of each is the row.
        x: title of the values.
        base: the row whose first value is drawn through all rows.
        unbounded: see `fill_series`.
    """

    def fill(axes: Axes) -> str:
        shift = 0.26 / max(len(series), 1)
        for number, (item, (colour, _, marker)) in enumerate(
            zip(series, marks(len(series)), strict=True)
        ):
            rows = [row + shift * (2 * number - len(series) + 1) for row in item.x]
            axes.plot(item.y, rows, marker, color=colour, label=item.label)
            if item.low is not None and item.high is not None:
                axes.hlines(rows, item.low, item.high, color=colour, linewidth=1.4)
        if base is not None and base in series[0].x:
            axes.axvline(series[0].y[list(series[0].x).index(base)], **_GUIDE)
        shown = [fill_text(label, _LABEL, max_lines=2, placeholder="…") for label in labels]
        axes.set_yticks(range(len(labels)), shown, linespacing=1.0)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.set_xlabel(x)
        axes.grid(axis="x", alpha=0.25, linewidth=0.6)
        if unbounded and is_wide([value for item in series for value in item.y]):
            use_logarithms(axes, "x")
        if len(series) > 1:
            axes.figure.legend(loc="outside upper center", ncols=len(series))
        return " ".join(
            f"{item.label}: "
            + ", ".join(f"{labels[int(r)]} {v:.4g}" for r, v in zip(item.x, item.y, strict=True))
            + "."
            for item in series
        )

    height = max(1.9, 0.9 + 0.36 * len(labels))
    return draw(name, title, fill, caption=caption, runs=runs, height=height)
