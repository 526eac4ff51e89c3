"""Figures of studies and runs: told apart by line and marker, so that grey shades suffice."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnlab.files import write_bytes, write_text
from rnnlab.report.svg import STYLE, to_inline, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKS = (
    ("#1d4e89", "-", "o"),
    ("#c2570c", "--", "s"),
    ("#2f7d4f", ":", "^"),
    ("#7a3b8f", "-.", "D"),
    ("#5f6b7a", (0, (5, 1, 1, 1)), "v"),
    ("#9a1b3c", (0, (1, 1)), "P"),
)
_WIDTH, _HEIGHT = 4.7, 3.2
_DECADE = 8  # values that span more are drawn on a logarithmic axis


@dataclass(frozen=True)
class Plot:
    """A drawn figure.

    Attributes:
        name: of its files, and unique in a page.
        title: over it.
        text: what it shows, for those who do not see it.
        svg: the document.
        png: the same as a picture.
        caption: what to know to read it.
        runs: directories that it was made from.
    """

    name: str
    title: str
    text: str
    svg: str = field(repr=False)
    png: bytes = field(repr=False)
    caption: str = ""
    runs: Sequence[str] = ()

    def inline(self) -> str:
        """As an element of a page."""
        return to_inline(self.svg, self.name, self.title, self.text)

    def save(self, folder: Path) -> list[Path]:
        """Write NAME.svg and NAME.png."""
        write_text(folder / f"{self.name}.svg", self.svg)
        write_bytes(folder / f"{self.name}.png", self.png)
        return [folder / f"{self.name}.svg", folder / f"{self.name}.png"]


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


def draw(
    name: str,
    title: str,
    fill: Callable[[Axes], str],
    *,
    caption: str = "",
    runs: Sequence[str] = (),
    height: float = _HEIGHT,
) -> Plot:
    """Draw a figure of one pair of axes.

    Args:
        name, title, caption, runs: see Plot.
        fill: draws, and returns what it shows in words.
        height: inches.
    """
    from matplotlib import rc_context

    from rnnlab.figure import NotebookFigure

    with rc_context(STYLE):
        figure = NotebookFigure(figsize=(_WIDTH, height), dpi=150, layout="constrained")
        axes = figure.subplots()
        axes.set_axisbelow(True)
        text = fill(axes)
        stream = io.BytesIO()
        figure.savefig(stream, format="png", metadata={"Software": None})
        return Plot(name, title, text, to_svg(figure), stream.getvalue(), caption, tuple(runs))


def is_wide(values: Sequence[float]) -> bool:
    """Whether values need a logarithmic axis."""
    return min(values) > 0 and max(values) / min(values) >= _DECADE


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
) -> Plot:
    """Draw values over numbers.

    Args:
        name, title, caption, runs: see Plot.
        series: the lines.
        x, y: titles of the axes.
        base: a place to mark.
        whole: whether places are whole numbers, all marked on the axis (epochs).
    """

    def fill(axes: Axes) -> str:
        from matplotlib.ticker import MaxNLocator, NullLocator

        places = sorted({place for item in series for place in item.x})
        for item, (colour, line, marker) in zip(series, _repeated(len(series)), strict=True):
            axes.plot(item.x, item.y, color=colour, linestyle=line, marker=marker, label=item.label)
            if item.low is not None and item.high is not None:
                below = np.maximum(np.subtract(item.y, item.low), 0)
                above = np.maximum(np.subtract(item.high, item.y), 0)
                axes.errorbar(
                    item.x, item.y, [below, above], fmt="none", ecolor=colour, elinewidth=1,
                    capsize=3,
                )  # fmt: skip
        axes.set(xlabel=x, ylabel=y)
        axes.grid(alpha=0.25, linewidth=0.6)
        if whole and len(places) > 8:
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        elif not whole and places and is_wide(places):
            axes.set_xscale("log")
            axes.set_xticks(places, [f"{place:g}" for place in places])
            axes.xaxis.set_minor_locator(NullLocator())
        elif places and len(places) <= 8:
            axes.set_xticks(places, [f"{place:g}" for place in places])
        if base is not None:
            axes.axvline(base, color="#5f6b7a", linewidth=0.8, linestyle=(0, (2, 3)))
        if len(series) > 1:  # above the axes, where it hides nothing
            axes.figure.legend(loc="outside upper center", ncols=2)
        return f"{y} over {x}. " + " ".join(item.text for item in series)

    return draw(name, title, fill, caption=caption, runs=runs)


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
) -> Plot:
    """Draw values of named levels, one a row, with intervals.

    Args:
        name, title, caption, runs: see Plot.
        labels: of the rows, from above.
        series: their values; `x` of each is the row.
        x: title of the values.
        base: the row whose first value is drawn through all rows.
    """

    def fill(axes: Axes) -> str:
        shift = 0.26 / max(len(series), 1)
        for number, (item, (colour, _, marker)) in enumerate(
            zip(series, _repeated(len(series)), strict=True)
        ):
            rows = [row + shift * (2 * number - len(series) + 1) for row in item.x]
            axes.plot(item.y, rows, marker, color=colour, label=item.label)
            if item.low is not None and item.high is not None:
                axes.hlines(rows, item.low, item.high, color=colour, linewidth=1.4)
        if base is not None and base in series[0].x:
            value = series[0].y[list(series[0].x).index(base)]
            axes.axvline(value, color="#5f6b7a", linewidth=0.8, linestyle=(0, (2, 3)))
        shown = [label if len(label) <= 22 else label[:21] + "…" for label in labels]
        axes.set_yticks(range(len(labels)), shown)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.set_xlabel(x)
        axes.grid(axis="x", alpha=0.25, linewidth=0.6)
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
        less_is_better: of the quality; the axis is then turned over.
    """

    def fill(axes: Axes) -> str:
        from matplotlib.ticker import NullFormatter, StrMethodFormatter

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
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
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


def draw_confusion(
    name: str,
    title: str,
    confusion: Sequence[Sequence[int]],
    labels: Sequence[str],
    *,
    runs: Sequence[str] = (),
) -> Plot:
    """Draw a confusion matrix: shares of each true class, with the counts.

    Args:
        name, title, runs: see Plot.
        confusion: rows are true classes, columns predicted ones.
        labels: of the classes.
    """
    counts = np.array(confusion)

    def fill(axes: Axes) -> str:
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.pcolormesh(shares, cmap="Blues", vmin=0, vmax=1, edgecolors="#d5dae1", linewidth=0.8)
        for (row, column), share in np.ndenumerate(shares):
            axes.text(
                column + 0.5, row + 0.5, f"{counts[row, column]:,}", ha="center", va="center",
                color="white" if share > 0.65 else "#14212e", fontsize=9 if len(labels) < 7 else 7,
            )  # fmt: skip
        shown = [label if len(label) <= 12 else label[:11] + "…" for label in labels]
        middles = [number + 0.5 for number in range(len(labels))]
        axes.set_xticks(middles, shown, rotation=0 if len(labels) < 4 else 35)
        axes.set_yticks(middles, shown)
        axes.tick_params(length=0)
        axes.set_aspect("equal")
        axes.invert_yaxis()
        axes.set(xlabel="predicted", ylabel="true")
        axes.spines[:].set_visible(False)
        return "Rows are true labels. " + " ".join(
            f"{labels[row]}: "
            + ", ".join(f"{count} as {labels[column]}" for column, count in enumerate(line))
            + "."
            for row, line in enumerate(counts.tolist())
        )

    caption = "Counts on validation; darker is a larger share of the true class."
    return draw(name, title, fill, caption=caption, runs=runs, height=3.4)


def epoch_series(rows: Sequence[Mapping[str, Any]], key: str, label: str) -> Series:
    """A column of epochs.csv."""
    kept = [row for row in rows if row.get(key) not in (None, "")]
    return Series(label, [float(row["epoch"]) for row in kept], [float(row[key]) for row in kept])


def _repeated(count: int) -> list[tuple[Any, Any, str]]:
    return [MARKS[number % len(MARKS)] for number in range(count)]
