"""What `rnnlab analyze` has found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rnnlab.plots.plot import Plot
from rnnlab.plots.series import Series, draw_levels
from rnnlab.report.findings import Section, Table
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
    paragraphs = [f"On {found.get('split', 'val')}{figures}."]
    if comparison := found.get("comparison"):
        paragraphs.append(_beside(comparison))
    slices = [each for each in found.get("slices", []) if each["difference"] is not None]
    return Section(
        paragraphs,
        tables=[_by_cue(slices)] if slices else [],
        plots=[_by_length(bands, run, prefix)] if bands else [],
        page=page if page.is_file() else None,
    )


def _beside(comparison: Mapping[str, Any]) -> str:
    counts = comparison["counts"]
    return (
        f"Beside {Path(comparison['run']).name}: both are right on {counts['both_right']:,} texts "
        f"and wrong on {counts['both_err']:,}; this run alone errs on "
        f"{counts['only_first_errs']:,}, the other alone on {counts['only_second_errs']:,}."
    )


def _by_cue(slices: Sequence[Mapping[str, Any]]) -> Table:
    rows = []
    for each in slices:
        low, high = each["difference_interval"]
        texts = (f"{each[side]['texts']:,}" for side in ("present", "absent"))
        rows.append(
            [each["name"], *texts, f"{each['difference']:+.4f}", f"{low:+.4f} to {high:+.4f}"]
        )
    columns = ["cue", "with it", "without", "difference", "95 % interval"]
    return Table("Accuracy of texts with a cue, less that of texts without", columns, rows)


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
