"""What `rnnlab analyze` has found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rnnlab.plots.plot import Plot
from rnnlab.plots.series import Series, draw_levels
from rnnlab.report.findings import Section
from rnnlab.report.material import RunMaterial
from rnnlab.wording import share

FILE = "analysis.json"
TITLE = "Analysis"
RANK = 2


def section(found: Mapping[str, Any], run: RunMaterial, prefix: str) -> Section:
    """Figures, accuracy by length of the text, and where the whole is."""
    parts = []
    if "accuracy" in found:
        parts += [
            f"accuracy {share(found['accuracy'])}",
            f"macro F1 {share(found.get('macro_f1'))}",
        ]
    if calibration := found.get("calibration"):
        parts.append(f"calibration error {share(calibration.get('ece', 0.0))}")
    figures = f": {', '.join(parts)}" if parts else ""
    lengths = (found.get("lengths") or {}).get("bands", [])
    bands = [band for band in lengths if band.get("texts")]
    page = run.path / "analysis.html"
    return Section(
        [f"On {found.get('split', 'val')}{figures}."],
        plots=[_by_length(bands, run, prefix)] if bands else [],
        page=page if page.is_file() else None,
    )


def _by_length(bands: Sequence[Mapping[str, Any]], run: RunMaterial, prefix: str) -> Plot:
    series = Series(
        "accuracy",
        range(len(bands)),
        [band["accuracy"] for band in bands],
        [band["interval"][0] for band in bands],
        [band["interval"][1] for band in bands],
    )
    return draw_levels(
        f"{prefix}length",
        "Accuracy by length of the text",
        [f"{band['label']} ({band['texts']:,})" for band in bands],
        [series],
        x="accuracy",
        caption="Tokens before truncation, number of texts in brackets; 95 % intervals (Wilson).",
        runs=[str(run.path)],
    )
