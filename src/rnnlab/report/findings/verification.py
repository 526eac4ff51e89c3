"""What `rnnlab verify` has found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnnlab.report.findings import Section, Table
from rnnlab.report.material import RunMaterial

FILE = "verify.json"
TITLE = "Proofs"
RANK = 1

_RESULTS = {True: "passed", False: "failed"}


def section(found: Mapping[str, Any], run: RunMaterial, prefix: str) -> Section:
    """Every check, with its measured difference beside what is tolerated."""
    said = "All checks passed." if found.get("passed") else "Not all checks passed."
    rows = [
        (
            str(check.get("name", "")),
            _RESULTS.get(check.get("passed"), "not asked"),
            _figure(check.get("difference")),
            _figure(check.get("tolerance")),
            str(check.get("detail") or ""),
        )
        for check in found.get("checks", [])
    ]
    columns = ("check", "result", "difference", "tolerance", "detail")
    return Section([said], tables=[Table("Checks of rnnlab verify", columns, rows, words=1)])


def _figure(value: Any) -> str:
    return f"{value:.2g}" if isinstance(value, int | float) else ""
