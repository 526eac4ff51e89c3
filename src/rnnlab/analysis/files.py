"""Where an analysis goes: `analysis.json`, `analysis.html` and `analysis/*.csv` in its run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rnnlab.analysis import comparison, errors
from rnnlab.analysis.answers import Answers
from rnnlab.analysis.page import write_page
from rnnlab.files import write_json
from rnnlab.train.rundir import write_csv

Rows = Sequence[Mapping[str, Any]]


def write(result: dict[str, Any], answers: Answers, second: Answers | None) -> None:
    """Write the analysis of a classifier."""
    names = result["labels"]
    confusion = zip(names, result["confusion"], strict=True)
    curve = [
        {"scaled": scaled, **row}
        for scaled, part in (
            (False, result["calibration"]),
            (True, result["calibration"]["temperature"]),
        )
        for row in part["curve"]
    ]
    cuts = [result["lengths"], *result["bands"]]
    tables: dict[str, Rows] = {
        "classes": result["per_class"],
        "confusion": [
            {"label": label, **dict(zip(names, counts, strict=True))} for label, counts in confusion
        ],
        "bands": [
            {"by": cut["name"], "unit": cut["unit"], **_flat(band)}
            for cut in cuts
            for band in cut["bands"]
        ],
        "slices": [_flat_slice(each) for each in result["slices"]],
        "calibration": [_flat(row) for row in curve],
        "errors": errors.all_errors(answers),
        "comparison": [] if second is None else comparison.rows(answers, second),
    }
    _write(result, answers.path, tables)


def write_stream(result: dict[str, Any], run: Path) -> None:
    """Write the analysis of a language model."""
    names = ("frequency", "hardest_words", "hardest_tokens")
    _write(result, run, {name: result[name] for name in names})


def _write(result: dict[str, Any], run: Path, tables: Mapping[str, Rows]) -> None:
    """The JSON file comes last: where it is, the rest is."""
    for name, rows in tables.items():
        path = run / "analysis" / f"{name}.csv"
        if rows:
            write_csv(path, rows)
        else:
            path.unlink(missing_ok=True)
    write_page(result, run / "analysis.html")
    write_json(run / "analysis.json", result)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a CSV file: an interval as two columns."""
    flat = {name: value for name, value in row.items() if name != "interval"}
    low, high = row["interval"] or (None, None)
    return {**flat, "accuracy_low": low, "accuracy_high": high}


def _flat_slice(each: Mapping[str, Any]) -> dict[str, Any]:
    sides = {
        f"{side}_{name}": value
        for side in ("present", "absent")
        for name, value in _flat(each[side]).items()
    }
    low, high = each["difference_interval"] or (None, None)
    return {
        "name": each["name"],
        **sides,
        "difference": each["difference"],
        "difference_low": low,
        "difference_high": high,
    }
