"""What a check measures: differences, each beside the tolerance that was fixed before."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}
"""Of a difference relative to the largest magnitude, by the precision that was computed in.

Rounding is 1.1e-16 and 6e-8 a step, and a text of some hundred tokens sums it up to some 1e-14 and
1e-6; an error of the kinds that the checks look for is of the order of 1. docs/verify.md has what
is measured."""


class NotApplicable(Exception):
    """A check has nothing to say of a subject; the message says why."""


class Finding(NamedTuple):
    """One measured difference.

    Attributes:
        what: was compared.
        difference: relative to the largest magnitude, unless `what` says otherwise.
        tolerance: the most that passes.
        example: where the difference is largest.
    """

    what: str
    difference: float
    tolerance: float
    example: str = ""

    @property
    def passed(self) -> bool:
        """Whether the difference is within the tolerance; what is not a number is not."""
        return self.difference <= self.tolerance

    @property
    def badness(self) -> float:
        """By what findings are ordered: those that fail come last, the worst at the end."""
        if math.isnan(self.difference):
            return math.inf
        if self.tolerance == 0:
            return 0.0 if self.difference == 0 else 1e300 * min(1.0, self.difference + 1e-9)
        return self.difference / self.tolerance


class Exhibit(NamedTuple):
    """A table to look at.

    Attributes:
        title: over it.
        columns: names.
        rows: cells as they are printed.
        left: how many of the columns are text.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int = 1


@dataclass
class Evidence:
    """All that a check found.

    Attributes:
        findings: at least one.
        notes: what else is worth knowing, a sentence each.
        exhibits: tables to look at.
    """

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    exhibits: list[Exhibit] = field(default_factory=list)

    def add(self, what: str, difference: float, tolerance: float, example: str = "") -> None:
        """Take in a difference."""
        self.findings.append(Finding(what, float(difference), tolerance, example))

    def compare(
        self,
        what: str,
        actual: Any,
        expected: Any,
        *,
        names: Sequence[str] = (),
        dtype: torch.dtype | None = None,
    ) -> None:
        """Take in the difference of two tensors; `names` are those of its rows."""
        actual, expected = torch.as_tensor(actual), torch.as_tensor(expected)
        precision = dtype or actual.dtype
        example = ""
        if names and actual.shape == expected.shape and len(names) == len(actual):
            apart = (actual - expected).abs().flatten(1 if actual.dim() > 1 else 0)
            rows = apart.amax(dim=1) if apart.dim() > 1 else apart
            example = names[int(rows.nan_to_num(math.inf).argmax())]
        self.add(what, difference(actual, expected), TOLERANCE[precision], example)

    def compare_gradients(
        self,
        what: str,
        actual: Mapping[str, Tensor],
        expected: Mapping[str, Tensor],
        *,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Take in the difference of gradients by name, relative to the largest of all of them."""
        scale = max(float(tensor.abs().max()) for tensor in expected.values())
        worst = ("", 0.0)
        for name, tensor in expected.items():
            apart = float((actual[name] - tensor).abs().max()) / max(scale, 1e-300)
            if not apart <= worst[1]:
                worst = (name, apart)
        precision = dtype or next(iter(actual.values())).dtype
        self.add(what, worst[1], TOLERANCE[precision], worst[0])

    @property
    def worst(self) -> Finding:
        """The finding that is nearest to its tolerance, or farthest beyond."""
        return max(self.findings, key=lambda finding: finding.badness)

    @property
    def passed(self) -> bool:
        """Whether every finding is within its tolerance."""
        return all(finding.passed for finding in self.findings)


def difference(actual: Tensor, expected: Tensor) -> float:
    """The largest difference relative to the largest magnitude that is expected; infinite where
    shapes differ or a number is not finite."""
    if actual.shape != expected.shape:
        return math.inf
    if not (torch.isfinite(actual).all() and torch.isfinite(expected).all()):
        return math.inf
    actual, expected = actual.detach().double(), expected.detach().double()
    scale = float(expected.abs().max())
    return float((actual - expected).abs().max()) / max(scale, 1e-300)


@dataclass(frozen=True)
class CheckResult:
    """A check's verdict on a subject.

    Attributes:
        name: of the check.
        passed: None where it does not apply.
        difference, tolerance: of the worst finding; None where there is none.
        detail: what was found, or why the check does not apply.
        findings, exhibits: all of them.
        notes: what else is worth knowing, a sentence each.
        advice: what to do where it fails.
        seconds: that it took.
        shared_with: the preset whose result this is, where the two coincide for this check.
    """

    name: str
    passed: bool | None
    difference: float | None
    tolerance: float | None
    detail: str
    findings: tuple[Finding, ...] = ()
    exhibits: tuple[Exhibit, ...] = ()
    notes: tuple[str, ...] = ()
    advice: str = ""
    seconds: float = 0.0
    shared_with: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON values; a difference that is not finite is null, and `detail` says so."""
        return {
            "name": self.name,
            "passed": self.passed,
            "skipped": self.passed is None,
            "difference": _json_number(self.difference),
            "tolerance": self.tolerance,
            "detail": self.detail,
            "notes": list(self.notes),
            "advice": "" if self.passed is not False else self.advice,
            "seconds": round(self.seconds, 3),
            "shared_with": self.shared_with,
            "findings": [
                {**f._asdict(), "difference": _json_number(f.difference), "passed": f.passed}
                for f in self.findings
            ],
            "exhibits": [e._asdict() for e in self.exhibits],
        }


def _json_number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def shown(value: float) -> str:
    """A difference in a table: "0", "3e-16" or "inf"."""
    return "0" if value == 0 else f"{value:.0e}" if math.isfinite(value) else "not finite"
