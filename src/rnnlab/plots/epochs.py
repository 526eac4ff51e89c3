"""Learning curves: loss, and accuracy or perplexity, by epoch."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnlab.files import replacing
from rnnlab.plots.plot import Plot, styled
from rnnlab.plots.series import Series, draw_series, fill_series

if TYPE_CHECKING:
    from rnnlab.figure import NotebookFigure

Rows = Sequence[Mapping[str, Any]]
"""Those of epochs.csv."""


@dataclass(frozen=True)
class _Panel:
    """One pair of axes: a column of epochs.csv, of each part and run.

    Attributes:
        name: "loss", "accuracy" or "perplexity".
        y: title of the axis.
        series: the lines; one at least.
    """

    name: str
    y: str
    series: list[Series]

    @property
    def axes(self) -> dict[str, Any]:
        """How they are drawn; see `fill_series`."""
        return {"x": "epoch", "y": self.y, "whole": True, "unbounded": self.name == "perplexity"}


def read_epochs(run: Path) -> list[dict[str, str]]:
    """Rows of a run's epochs.csv; none for a model without epochs."""
    path = run / "epochs.csv"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def epoch_plots(runs: Mapping[str, Rows], prefix: str, paths: Sequence[str]) -> list[Plot]:
    """Draw the curves of runs by title, a figure each for loss and accuracy or perplexity.

    Args:
        runs: rows of each; those without epochs are left out.
        prefix: of the figures' names.
        paths: directories of the runs.
    """
    return [
        draw_series(
            f"{prefix}-{panel.name}",
            f"{panel.name.capitalize()} by epoch",
            panel.series,
            **panel.axes,
            caption="Training figures are taken while the epoch goes on, with dropout.",
            runs=paths,
        )
        for panel in _panels(runs)
    ]


def draw_curves(run: Path) -> NotebookFigure | None:
    """Draw a run's curves side by side; None if the run has no epochs."""
    panels = _panels({run.name: read_epochs(run)})
    if not panels:
        return None
    from rnnlab.figure import NotebookFigure

    with styled():
        figure = NotebookFigure(figsize=(8, 3.2), dpi=120, layout="constrained")
        columns = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, panel in zip(columns, panels, strict=True):
            fill_series(axes, panel.series, **panel.axes)
            axes.legend()
        figure.suptitle(run.name, fontsize=10)
    return figure


def plot_curves(run: Path) -> Path | None:
    """Draw a run's curves as plots/curves.png; None if the run has no epochs."""
    figure = draw_curves(run)
    if figure is None:
        return None
    target = run / "plots" / "curves.png"
    with replacing(target) as temporary:
        figure.savefig(temporary, format="png")
    return target


def _panels(runs: Mapping[str, Rows]) -> list[_Panel]:
    shown = {title: rows for title, rows in runs.items() if rows}
    if not shown:
        return []
    is_stream = "train_perplexity" in next(iter(shown.values()))[0]
    single = len(shown) == 1
    panels = []
    for name in ("loss", "perplexity" if is_stream else "accuracy"):
        series = [
            _series(rows, f"{part}_{name}", part if single else f"{title}, {part}")
            for title, rows in shown.items()
            for part in ("train", "val")
        ]
        unit = ", nats a token" if is_stream else ", nats a text"
        if series := [item for item in series if item.x]:
            panels.append(_Panel(name, name + unit if name == "loss" else name, series))
    return panels


def _series(rows: Rows, key: str, label: str) -> Series:
    kept = [row for row in rows if row.get(key) not in (None, "")]
    return Series(label, [float(row["epoch"]) for row in kept], [float(row[key]) for row in kept])
