"""An analysis as a page of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnnlab import pages
from rnnlab.analysis import figures

_MOST_LABELS = 12  # of a confusion matrix that can be read
_MOST_CONFUSIONS = 15


def write_page(result: Mapping[str, Any], path: Path) -> None:
    """Write `analysis.html` from the values of `analyze`."""
    name = Path(result["run"]).name
    if result["task"] == "language_modeling":
        pages.write_page(
            path,
            "stream_analysis.html",
            title=f"Analysis of {name}",
            name=name,
            result=result,
            picture=figures.frequency_figure(result["frequency"]),
        )
        return
    other = result["comparison"]
    names = [name, Path(other["run"]).name] if other else [name]
    calibration = result["calibration"]
    pages.write_page(
        path,
        "analysis.html",
        title=f"Analysis of {name}",
        names=names,
        result=result,
        heat=_heat(result) if len(result["labels"]) <= _MOST_LABELS else None,
        confusions=result["confusions"][:_MOST_CONFUSIONS],
        pictures={
            "length": figures.length_figure(result["lengths"], other and other["lengths"], names),
            "slices": figures.slices_figure(result["slices"]),
            "calibration": figures.calibration_figure(calibration, calibration["temperature"]),
        },
    )


def _heat(result: Mapping[str, Any]) -> list[list[tuple[int, str, bool]]]:
    """Count, background and whether it is right, for each cell of the confusion matrix; the colour
    is the share of the row."""
    rows = []
    for number, counts in enumerate(result["confusion"]):
        total = max(sum(counts), 1)
        rows.append(
            [
                (count, f"{count / total:.2f}", column == number)
                for column, count in enumerate(counts)
            ]
        )
    return rows
