"""A design, expanded: groups of levels, and the distinct runs behind them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from rnnlab.config.schema import Config
from rnnlab.study.design import COMBINED, Design


@dataclass(frozen=True)
class Trial:
    """One distinct run of a study.

    Attributes:
        name: of its directory: equal settings have equal names.
        config: with its seed and threads.
    """

    name: str
    config: Config


@dataclass(frozen=True)
class Level:
    """One row of a group.

    Attributes:
        label: for people.
        value: number or text that the group's key is set to; None where there is no single one.
        overrides: dotted, of the group's base.
        is_base: the others are compared with it.
        reported: published figures, or None.
        trials: one for each seed.
    """

    label: str
    value: Any
    overrides: dict[str, Any]
    is_base: bool
    reported: dict[str, Any] | None
    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class Group:
    """Levels that are compared with each other.

    Attributes:
        name, title: of the group.
        factor: the dotted key that varies, where it is one.
        levels: in the file's order.
    """

    name: str
    title: str
    factor: str | None
    levels: tuple[Level, ...]

    @property
    def is_numeric(self) -> bool:
        """Whether the levels are numbers, which can be drawn along an axis."""
        return self.factor not in (None, "seed") and all(
            isinstance(level.value, int | float) for level in self.levels
        )


@dataclass(frozen=True)
class Plan:
    """A design, expanded.

    Attributes:
        design: as written.
        metric: by which levels are compared.
        groups: that of the combination last, without levels until it can be chosen.
    """

    design: Design
    metric: str
    groups: tuple[Group, ...]

    @property
    def higher_is_better(self) -> bool:
        """Of the metric."""
        return self.metric != "perplexity"

    def trials(self, only: Iterable[str] | None = None) -> list[Trial]:
        """The distinct runs of all groups, or of some, in the file's order."""
        names = None if only is None else set(only)
        found: dict[str, Trial] = {}
        for group in self.groups:
            if names is None or group.name in names:
                for level in group.levels:
                    for trial in level.trials:
                        found.setdefault(trial.name, trial)
        return list(found.values())

    @cached_property
    def _titles(self) -> dict[str, str]:
        titles: dict[str, str] = {}
        for group in self.groups:
            for level in group.levels:
                for trial in level.trials:
                    seed = f", seed {trial.config.seed}" if len(level.trials) > 1 else ""
                    titles.setdefault(trial.name, f"{group.name} {level.label}{seed}")
        return titles

    def places(self, trial: Trial) -> list[str]:
        """All levels of a trial, each as its group and label."""
        return [
            f"{group.name}: {level.label}"
            for group in self.groups
            for level in group.levels
            if trial.name in [other.name for other in level.trials]
        ]

    def title(self, trial: Trial) -> str:
        """The first level of a trial, for people."""
        return self._titles[trial.name]

    def with_combination(self, levels: tuple[Level, ...]) -> Plan:
        """The plan, its combination chosen."""
        groups = (
            replace(group, levels=levels) if group.name == COMBINED else group
            for group in self.groups
        )
        return replace(self, groups=tuple(groups))
