"""Pictures of a run, from its directory only, and of a learning curve."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnlab.files import replacing
from rnnlab.power_law import Laws

if TYPE_CHECKING:
    from rnnlab.figure import NotebookFigure


def plot_curves(run: Path) -> Path | None:
    """Draw loss and accuracy, or perplexity, per epoch as plots/curves.png; None if the run has no
    epochs."""
    figure = draw_curves(run)
    if figure is None:
        return None
    target = run / "plots" / "curves.png"
    with replacing(target) as temporary:
        figure.savefig(temporary, format="png")
    return target


def draw_curves(run: Path) -> NotebookFigure | None:
    """Draw loss and accuracy, or perplexity, per epoch; None if the run has no epochs."""
    path = run / "epochs.csv"
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    from matplotlib.ticker import MaxNLocator

    from rnnlab.figure import NotebookFigure

    epochs = [int(row["epoch"]) for row in rows]
    is_stream = "val_perplexity" in rows[0]
    names = ("loss", "perplexity") if is_stream else ("loss", "accuracy")
    units = ("nats per token", "words") if is_stream else ("nats per text", "share of texts")
    figure = NotebookFigure(figsize=(8, 3.2), dpi=120, layout="constrained")
    for axes, name, unit in zip(figure.subplots(1, 2), names, units, strict=True):
        for part, style in (("train", "--"), ("val", "-")):
            values = [float(row[f"{part}_{name}"]) for row in rows]
            axes.plot(epochs, values, style, marker="o", markersize=3, label=part)
        axes.set(title=name, xlabel="epoch", ylabel=unit)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.suptitle(run.name, fontsize=10, parse_math=False)
    return figure


def plot_learning_curve(
    target: Path, runs: Sequence[Mapping[str, Any]], laws: Laws | None, title: str
) -> None:
    """Draw accuracy and loss over training texts, and what the laws expect up to twice as many.

    Args:
        target: the PNG file.
        runs: `examples`, `accuracy` and `loss` of each run.
        laws: of the error; None for points alone.
        title: over the whole.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    examples = [run["examples"] for run in runs]
    figure = Figure(figsize=(8, 3.2), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    for axes, name, unit in (
        (left, "accuracy", "share of texts"),
        (right, "loss", "nats per text"),
    ):
        values = [run[name] for run in runs]
        axes.plot(examples, values, "o", markersize=3, label="a run")
        axes.set(title=f"validation {name}", xlabel="training texts", ylabel=unit, xscale="log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.tick_params(axis="x", labelsize=8)
        axes.grid(alpha=0.3)
    if laws is not None:
        places = np.geomspace(min(examples), 2 * max(examples), 60)
        errors = [laws.error(place) for place in places]
        (line,) = left.plot(places, [1 - error.value for error in errors], label="law")
        low, high = [1 - error.high for error in errors], [1 - error.low for error in errors]
        left.fill_between(places, low, high, color=line.get_color(), alpha=0.2, label="95 %")
        left.legend(frameon=False)
    figure.suptitle(title, fontsize=10)
    with replacing(target) as temporary:
        figure.savefig(temporary, format="png")
