"""Quality over the number of training texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnnlab.files import replacing
from rnnlab.plots.plot import styled, use_logarithms
from rnnlab.power_law import Laws


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
    from rnnlab.figure import NotebookFigure

    examples = [run["examples"] for run in runs]
    with styled():
        figure = NotebookFigure(figsize=(8, 3.2), dpi=120, layout="constrained")
        left, right = figure.subplots(1, 2)
        for axes, name, y in ((left, "accuracy", "accuracy"), (right, "loss", "loss, nats a text")):
            axes.plot(examples, [run[name] for run in runs], "o", markersize=3, label="a run")
            axes.set(xlabel="training texts", ylabel=f"validation {y}")
            axes.grid(alpha=0.25, linewidth=0.6)
        if laws is not None:
            places = np.geomspace(min(examples), 2 * max(examples), 60)
            errors = [laws.error(place) for place in places]
            (line,) = left.plot(places, [1 - error.value for error in errors], label="law")
            low, high = [1 - error.high for error in errors], [1 - error.low for error in errors]
            left.fill_between(places, low, high, color=line.get_color(), alpha=0.2, label="95 %")
            left.legend()
        for axes in (left, right):
            use_logarithms(axes, "x")
            axes.tick_params(axis="x", labelsize=8)
        figure.suptitle(title, fontsize=10)
        with replacing(target) as temporary:
            figure.savefig(temporary, format="png")
