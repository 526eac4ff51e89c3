"""How each run of a study stands: read from the run directories, which are the truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rnnlab.exceptions import UserError
from rnnlab.train.rundir import RunDirectory

Status = Literal["completed", "failed", "diverged", "running", "missing"]


@dataclass(frozen=True)
class Outcome:
    """Where a run stands.

    Attributes:
        status: "missing" where it has not begun or was stopped; "running" is never read from a
            directory, but known from its claim.
        reason: why it failed or diverged.
        facts: in its run.json.
        stamp: changes whenever run.json is written; 0 where there is none.
        tested: whether it has been scored on the test part.
    """

    status: Status
    reason: str | None
    facts: dict[str, Any]
    stamp: int
    tested: bool

    def is_done(self, *, test: bool) -> bool:
        """Whether nothing is left to do, of a run that may have to be scored on test."""
        return self.status == "diverged" or (
            self.status == "completed" and (self.tested or not test)
        )


def read_outcome(path: Path) -> Outcome:
    """Read where the run in a directory stands; one that is damaged counts as failed."""
    run = RunDirectory(path)
    try:
        stamp = run.facts.stat().st_mtime_ns
    except FileNotFoundError:
        return Outcome("missing", None, {}, 0, False)
    try:
        facts = run.read()
    except UserError as error:
        return Outcome("failed", str(error), {}, stamp, False)
    status: Status = "missing"
    if facts["status"] in ("completed", "failed", "diverged"):
        status = facts["status"]
    return Outcome(status, facts.get("reason"), facts, stamp, has_been_tested(run))


def has_been_tested(run: RunDirectory) -> bool:
    """Whether a run has been scored on the test part."""
    try:
        lines = run.evaluations.read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    return any('"split": "test"' in line for line in lines)
