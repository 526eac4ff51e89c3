"""A confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rnnlab.plots.plot import Plot, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
