"""Pictures of a run. Reads the run directory only."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlab.files import replacing

if TYPE_CHECKING:
    from rnnlab.figure import NotebookFigure


def plot_curves(run: Path) -> Path | None:
    """Draw loss and accuracy per epoch as plots/curves.png; None if the run has no epochs."""
    figure = draw_curves(run)
    if figure is None:
        return None
    target = run / "plots" / "curves.png"
    with replacing(target) as temporary:
        figure.savefig(temporary, format="png")
    return target


def draw_curves(run: Path) -> NotebookFigure | None:
    """Draw loss and accuracy per epoch; None if the run has no epochs."""
    path = run / "epochs.csv"
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    from matplotlib.ticker import MaxNLocator

    from rnnlab.figure import NotebookFigure

    epochs = [int(row["epoch"]) for row in rows]
    figure = NotebookFigure(figsize=(8, 3.2), dpi=120, layout="constrained")
    for axes, name, unit in zip(
        figure.subplots(1, 2),
        ("loss", "accuracy"),
        ("nats per text", "share of texts"),
        strict=True,
    ):
        for part, style in (("train", "--"), ("val", "-")):
            values = [float(row[f"{part}_{name}"]) for row in rows]
            axes.plot(epochs, values, style, marker="o", markersize=3, label=part)
        axes.set(title=name, xlabel="epoch", ylabel=unit)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.suptitle(run.name, fontsize=10, parse_math=False)
    return figure
