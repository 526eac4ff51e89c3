"""Plant bugs, and see whether the checks catch them; and that nothing is caught where there is
none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rnnlab.config.load import load_config
from rnnlab.verify.evidence import CheckResult, Finding
from rnnlab.verify.fresh import FreshProcess
from rnnlab.verify.planted import Bug, all_bugs
from rnnlab.verify.session import session


@dataclass(frozen=True)
class Trial:
    """A bug and what its check says.

    Attributes:
        bug: that was planted.
        without: the check on the unmodified code.
        planted: the same check, on the same input, with the bug.
    """

    bug: Bug
    without: CheckResult
    planted: CheckResult

    @property
    def caught(self) -> bool:
        """Whether a measured difference is beyond its tolerance."""
        return self.planted.passed is False and self.evidence is not None

    @property
    def evidence(self) -> Finding | None:
        """The measured difference that is farthest beyond its tolerance."""
        beyond = [finding for finding in self.planted.findings if not finding.passed]
        return max(beyond, key=lambda finding: finding.badness, default=None)

    @property
    def difference_without(self) -> float | None:
        """What the same comparison measures on the unmodified code."""
        seen = self.evidence
        same = (f.difference for f in self.without.findings if seen and f.what == seen.what)
        return next(same, None)

    @property
    def command(self) -> str:
        """What users run for the same check on the same input."""
        return f"rnnlab verify {self.bug.preset} --quick --only {self.bug.check}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        seen = self.evidence
        return {
            "bug": self.bug.name,
            "check": self.bug.check,
            "command": self.command,
            "caught": self.caught,
            "difference": None if seen is None else seen.difference,
            "tolerance": None if seen is None else seen.tolerance,
            "what": self.planted.detail if seen is None else seen.what,
            "difference_without": self.difference_without,
            "passed_without": self.without.passed,
        }


def self_test(
    bugs: Sequence[Bug] | None = None, told: Callable[[Trial], None] | None = None
) -> dict[str, Any]:
    """Try every bug.

    Returns:
        `planted`, `caught`, `false_alarms` (checks that fail, or do not apply, on the unmodified
        code), `trials[]`, and `passed`.
    """
    trials: list[Trial] = []
    unmodified: dict[tuple[str, str], CheckResult] = {}
    fresh = FreshProcess()  # nothing is planted there: a bug of this process would show against it
    try:
        for bug in all_bugs() if bugs is None else bugs:
            key = (bug.preset, bug.check)
            if key not in unmodified:
                unmodified[key] = _check(bug, fresh)
            with bug.planted():
                trial = Trial(bug, unmodified[key], _check(bug, fresh))
            trials.append(trial)
            if told is not None:
                told(trial)
    finally:
        fresh.close()
    caught = sum(trial.caught for trial in trials)
    false_alarms = sum(result.passed is not True for result in unmodified.values())
    return {
        "planted": len(trials),
        "caught": caught,
        "false_alarms": false_alarms,
        "passed": caught == len(trials) and not false_alarms,
        "trials": [trial.to_dict() for trial in trials],
    }


def _check(bug: Bug, fresh: FreshProcess) -> CheckResult:
    """What a user gets by the same command; no result is kept from before."""
    with session(fresh=fresh) as opened:
        verdict = opened.verify_config(load_config(bug.preset), [bug.check], quick=True)
    return verdict.checks[0]
