"""What a comparison found, as values."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rnnlab.compare.budget import Choice
from rnnlab.compare.verdict import Difference
from rnnlab.intervals import Interval


@dataclass(frozen=True)
class LevelResult:
    """A configuration as measured.

    Attributes:
        label, value, is_base: of the configuration.
        is_reference: whether the others are compared with it.
        seeds: of its finished runs.
        runs: their directories.
        unfinished: the other runs: seed, status, reason.
        figures: of each run by the metric (for perplexity: nats a token).
        mean: of those; None without a finished run.
        interval: 95 %; from seeds and examples, or with one seed from examples alone.
        seed_deviation: standard deviation of the figures; None with one seed.
        seed_error, example_error: standard errors of the mean from each source alone.
        difference: to the reference; None for the reference itself and where `reason` says why.
        reason: why there is no difference.
        costs: means over runs; keys of `rnnlab.compare.cost.MEASURES`.
    """

    label: str
    value: float | str | None
    is_base: bool
    is_reference: bool
    seeds: list[int]
    runs: list[str]
    unfinished: list[dict[str, Any]]
    figures: list[float]
    mean: float | None
    interval: Interval | None
    seed_deviation: float | None
    seed_error: float | None
    example_error: float | None
    difference: Difference | None
    reason: str | None
    costs: dict[str, float]


@dataclass(frozen=True)
class GroupResult:
    """Configurations that were compared with each other.

    Attributes:
        name, title, factor, numeric: of the group.
        reference: label of what the others are compared with; None where nothing can be.
        by: "base", or "best", which was chosen by the same figures.
        examples: of validation; None for a stream.
        groups: of them, which were resampled whole; None where single examples were.
        levels: in the order of the study.
    """

    name: str
    title: str
    factor: str | None
    numeric: bool
    reference: str | None
    by: str
    examples: int | None
    groups: int | None
    levels: list[LevelResult]


@dataclass(frozen=True)
class CostRow:
    """A configuration's quality and costs.

    Attributes:
        label: of the configuration.
        runs: directories.
        mean: by the metric.
        costs: see LevelResult.
        on_front: by cost, whether no other is better and cheaper.
    """

    label: str
    runs: list[str]
    mean: float
    costs: dict[str, float]
    on_front: dict[str, bool]


@dataclass(frozen=True)
class Comparison:
    """All that a comparison found.

    Attributes:
        name: of the study, or "runs".
        metric: "accuracy", "macro_f1" or "perplexity"; the last is compared by nats a token.
        split: whose answers were compared.
        departures: how the study as run departs from its file, in words.
        groups: see GroupResult.
        costs: every configuration once.
        budget: what a budget allows; None without one.
    """

    name: str
    metric: str
    split: str
    departures: list[str]
    groups: list[GroupResult]
    costs: list[CostRow]
    budget: Choice | None

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)
