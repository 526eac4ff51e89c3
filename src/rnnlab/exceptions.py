"""Errors with a meaning of their own. Everything else that is raised is a bug."""

from __future__ import annotations


class UserError(Exception):
    """Something that the user can fix.

    The message is one line: what is wrong, where (file and line, or config key), and the remedy.
    The command line prints it without a traceback and exits with code 2.
    """


class Busy(UserError):
    """Another process is at it; it can be done later."""


class Diverged(Exception):
    """The gradient or a figure of validation stopped being finite.

    Attributes:
        step: optimizer updates done before the one that failed.
        detail: what was not finite.
    """

    def __init__(self, step: int, detail: str) -> None:
        super().__init__(f"{detail} at step {step}")
        self.step = step
        self.detail = detail


class Interrupted(Exception):
    """The user asked to stop; the state is saved. The message is what goes on with it."""
