"""Planted bugs: each replaces a production function from outside, and names the check that must
catch it. What is replaced knows nothing of it.

A module of this package holds `BUGS`, a list of `Bug`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from rnnlab.registry import Registry

PLANTED = Registry("rnnlab.verify.planted", "group of planted bugs")

_MISSING = object()


@dataclass(frozen=True)
class Bug:
    """A mistake that is made often, and where it must be seen.

    Attributes:
        name: a few words.
        check: the one that must catch it, by name.
        preset: on which; users run `rnnlab verify PRESET --quick --only CHECK`.
        replacements: of production functions: who has it, its name, and from the original to what
            stands in its place.
    """

    name: str
    check: str
    preset: str
    replacements: tuple[tuple[Any, str, Callable[[Any], Any]], ...]

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Within it the bug is there."""
        with ExitStack() as stack:
            for owner, name, make in self.replacements:
                stack.enter_context(_replaced(owner, name, make))
            yield


@contextmanager
def _replaced(owner: Any, name: str, make: Callable[[Any], Any]) -> Iterator[None]:
    own = vars(owner).get(name, _MISSING)
    setattr(owner, name, make(getattr(owner, name)))
    try:
        yield
    finally:
        if own is _MISSING:  # it was inherited
            delattr(owner, name)
        else:
            setattr(owner, name, own)


def all_bugs() -> list[Bug]:
    """Every planted bug."""
    return [bug for name in PLANTED.names for bug in PLANTED.load(name).BUGS]
