"""The best configuration within a budget, and why."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rnnlab.compare.cost import MEASURES
from rnnlab.exceptions import UserError
from rnnlab.options import nearest

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_LIMIT = re.compile(r"([A-Za-z0-9_]+)\s*(<=|>=|<|>)\s*(\S+)")
_EXAMPLE = 'as in --budget "train_seconds<=600 latency_ms<=5"'


@dataclass(frozen=True)
class Limit:
    """A bound of a cost.

    Attributes:
        key: of `MEASURES`.
        sign: "<=", ">=", "<" or ">".
        bound: in the measure's unit.
    """

    key: str
    sign: str
    bound: float

    def holds(self, value: float) -> bool:
        """Whether a figure keeps to it."""
        return _OPERATORS[self.sign](value, self.bound)

    def __str__(self) -> str:
        return f"{self.key}{self.sign}{self.bound:g}"


@dataclass(frozen=True)
class Choice:
    """What a budget allows.

    Attributes:
        chosen: label of the best configuration within it; None if there is none.
        reason: why, in words.
        excluded: label of each that is not within it, and by what.
    """

    chosen: str | None
    reason: str
    excluded: dict[str, str]


def parse_budget(text: str) -> list[Limit]:
    """Read limits, separated by spaces or commas.

    Raises:
        UserError: one is malformed, or its key unknown; the nearest is named.
    """
    limits = []
    rest = text.replace(",", " ").strip()
    while rest:
        match = _LIMIT.match(rest)
        if match is None:
            word = rest.split()[0]
            raise UserError(f"--budget: '{word}' is no limit; write KEY<=NUMBER, {_EXAMPLE}")
        key, sign, number = match.groups()
        if key not in MEASURES:
            raise UserError(f"--budget: unknown key '{key}'{nearest(key, MEASURES)}")
        try:
            bound = float(number)
        except ValueError as error:
            raise UserError(f"--budget: {key}: '{number}' is not a number") from error
        if not abs(bound) < float("inf"):
            raise UserError(f"--budget: {key}: '{number}' is no bound")
        limits.append(Limit(key, sign, bound))
        rest = rest[match.end() :].strip()
    if not limits:
        raise UserError(f"--budget: no limit in it; {_EXAMPLE}")
    return limits


def choose(
    limits: Sequence[Limit],
    quality: Mapping[str, float],
    costs: Mapping[str, Mapping[str, float]],
    show: Callable[[float], str],
) -> Choice:
    """Name the best configuration that keeps to all limits.

    Args:
        limits: one at least.
        quality: by label; higher is better.
        costs: by label, then by key.
        show: a quality as people read it.
    """
    excluded = {
        label: reason for label in quality if (reason := _broken(limits, costs.get(label, {})))
    }
    best = max(quality, key=lambda label: quality[label])
    within = [label for label in quality if label not in excluded]
    text = " ".join(map(str, limits))
    if not within:
        reasons = "; ".join(f"{label}: {reason}" for label, reason in excluded.items())
        return Choice(None, f"No configuration keeps to {text} ({reasons}).", excluded)
    chosen = max(within, key=lambda label: quality[label])
    kept = ", ".join(_shown(limit, costs[chosen][limit.key]) for limit in limits)
    reason = (
        f"{chosen} ({show(quality[chosen])}) is the best of {len(within)} within {text}: {kept}."
    )
    if best == chosen:
        reason += " No configuration outside the budget is better."
    else:
        reason += f" The best of all, {best} ({show(quality[best])}), is not: {excluded[best]}."
    return Choice(chosen, reason, excluded)


def _broken(limits: Sequence[Limit], costs: Mapping[str, float]) -> str:
    for limit in limits:
        if limit.key not in costs:
            return f"{limit.key} was not recorded"
        if not limit.holds(costs[limit.key]):
            return _shown(limit, costs[limit.key])
    return ""


def _shown(limit: Limit, value: float) -> str:
    return f"{MEASURES[limit.key].title} {MEASURES[limit.key].show(value)}"
