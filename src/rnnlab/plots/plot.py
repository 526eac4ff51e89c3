"""A figure as a document, a picture and words; told apart by line and marker, so that grey shades
suffice."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rnnlab.files import write_bytes, write_text
from rnnlab.plots.svg import STYLE, to_inline, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKS = (
    ("#1d4e89", "-", "o"),
    ("#c2570c", "--", "s"),
    ("#2f7d4f", ":", "^"),
    ("#7a3b8f", "-.", "D"),
    ("#5f6b7a", (0, (5, 1, 1, 1)), "v"),
    ("#9a1b3c", (0, (1, 1)), "P"),
)
HEIGHT = 3.2
_WIDTH = 4.7
_WIDE = 8  # values that span more are drawn on a logarithmic axis
_DECADES = 2.5  # that a logarithmic axis spans from which on powers of ten alone are marked


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


def draw(
    name: str,
    title: str,
    fill: Callable[[Axes], str],
    *,
    caption: str = "",
    runs: Sequence[str] = (),
    height: float = HEIGHT,
) -> Plot:
    """Draw a figure of one pair of axes.

    Args:
        name, title, caption, runs: see Plot.
        fill: draws, and returns what it shows in words.
        height: inches.
    """
    from rnnlab.figure import NotebookFigure

    with styled():
        figure = NotebookFigure(figsize=(_WIDTH, height), dpi=150, layout="constrained")
        axes = figure.subplots()
        axes.set_axisbelow(True)
        text = fill(axes)
        stream = io.BytesIO()
        figure.savefig(stream, format="png", metadata={"Software": None})
        return Plot(name, title, text, to_svg(figure), stream.getvalue(), caption, tuple(runs))


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the style of all figures."""
    from matplotlib import rc_context

    with rc_context(STYLE):
        yield


def marks(count: int) -> list[tuple[Any, Any, str]]:
    """Colour, line and marker of each of so many lines."""
    return [_MARKS[number % len(_MARKS)] for number in range(count)]


def is_wide(values: Sequence[float]) -> bool:
    """Whether values need a logarithmic axis."""
    return min(values) > 0 and max(values) / min(values) >= _WIDE


def use_logarithms(axes: Axes, side: Literal["x", "y"]) -> None:
    """Make an axis logarithmic, with plain numbers on it; what it shows is drawn already."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    if side == "x":
        axes.set_xscale("log")
    else:
        axes.set_yscale("log")
    axis = axes.xaxis if side == "x" else axes.yaxis
    low, high = axis.get_data_interval()
    is_short = math.log10(high / low) < _DECADES
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if is_short else (1.0,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: _plain(value)))
    axis.set_minor_locator(NullLocator())


def _plain(value: float) -> str:
    return f"{value:,.0f}" if 1 <= value < 1e7 else f"{value:g}"
