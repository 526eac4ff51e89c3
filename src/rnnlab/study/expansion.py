"""From a design to its groups, their levels, and the distinct runs behind them."""

from __future__ import annotations

import copy
import itertools
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from rnnlab import compose
from rnnlab.config.load import load_settings, parse_config, put
from rnnlab.config.schema import Config, Subset
from rnnlab.describe import describe
from rnnlab.exceptions import UserError
from rnnlab.files import sha256_json
from rnnlab.identity import component_versions, read_settings
from rnnlab.options import nearest
from rnnlab.selection import check_task
from rnnlab.study.design import (
    COMBINED,
    Design,
    Factor,
    Grid,
    Levels,
    Random,
    Range,
    Reported,
    label_of,
)
from rnnlab.study.plan import Group, Level, Plan, Trial

DEFAULT_THREADS = 1
"""Of a run: several runs at a time use a machine better than several threads of one."""


def expand(design: Design) -> Plan:
    """Check every level and find the distinct runs.

    Raises:
        UserError: a level's settings are wrong or do not build; its place in the file is named.
    """
    return Expansion(design).plan()


@dataclass
class Expansion:
    """Makes the plan of a design.

    Attributes:
        design: what is expanded.
    """

    design: Design
    _bases: dict[str, dict[str, Any]] = field(default_factory=dict)
    _sizes: dict[str, int] = field(default_factory=dict)
    _built: set[str] = field(default_factory=set)
    _trials: dict[str, Trial] = field(default_factory=dict)

    def plan(self) -> Plan:
        """All groups; see `expand`."""
        design = self.design
        groups = [
            *(self._factor(name, factor) for name, factor in design.factors.items()),
            *(self._grid(name, grid) for name, grid in design.grid.items()),
            *(self._random(name, draws) for name, draws in design.random.items()),
        ]
        if design.then is not None:
            groups.append(Group(COMBINED, design.then.title, None, ()))
        return Plan(design, self.metric, tuple(groups))

    @cached_property
    def metric(self) -> str:
        """By which levels are compared."""
        if self.design.metric is not None:
            return self.design.metric
        config = self._config({}, {}, self.design.base, f"{self.design.name}, base")
        if config.model.module.TASK == "language_modeling":
            return "perplexity"
        return "macro_f1" if config.train.metric == "macro_f1" else "accuracy"

    def combination(self, overrides: dict[str, Any], label: str) -> tuple[Level, ...]:
        """The level of `then: combine`, beside the base where that is trained anyway."""
        reported = Reported() if self.design.then is None else self.design.then.reported
        place = f"{self.design.name}, {COMBINED}"
        trained = set(self._trials)
        base = self._trials_of({}, {}, self.design.base, place)
        beside = set(self._trials) == trained
        trials = self._trials_of({}, overrides, self.design.base, place)
        figures = _reported(reported, COMBINED)
        levels = [Level(label, None, overrides, False, figures, trials)]
        if beside and base != trials:
            levels.insert(0, Level(Path(self.design.base).stem, None, {}, True, None, base))
        return tuple(levels)

    def _factor(self, name: str, factor: Factor) -> Group:
        rows = list(_levels(factor.levels, factor.key))
        keys = {key for _, overrides in rows for key in overrides}
        single = len(keys) == 1 and keys != {"base"}
        key = next(iter(keys)) if single else None
        return self._group(f"factors.{name}", name, factor, key, rows)

    def _grid(self, name: str, grid: Grid) -> Group:
        axes = [
            list(_levels(levels, axis if isinstance(levels, list) else None))
            for axis, levels in grid.axes.items()
        ]
        rows = []
        for point in itertools.product(*axes):
            overrides: dict[str, Any] = {}
            for _, part in point:
                overrides |= part
            rows.append((" · ".join(label for label, _ in point), overrides))
        return self._group(f"grid.{name}", name, grid, None, rows)

    def _random(self, name: str, draws: Random) -> Group:
        chance = random.Random(f"{draws.seed}")
        rows = []
        for number in range(1, draws.draws + 1):
            drawn = {key: _draw(chance, values) for key, values in draws.ranges.items()}
            shown = " · ".join(
                f"{key.rpartition('.')[2]} {label_of(v)}" for key, v in drawn.items()
            )
            rows.append((f"{number}: {shown}", drawn))
        return self._group(f"random.{name}", name, draws, None, rows)

    def _group(
        self,
        where: str,
        name: str,
        group: Factor | Grid | Random,
        key: str | None,
        rows: list[tuple[str, dict[str, Any]]],
    ) -> Group:
        place = f"{self.design.name}, {where}"
        labels = [label for label, _ in rows]
        for label in (*group.reported.figures, *filter(None, [group.compared_to])):
            if label not in labels:
                raise UserError(f"{place}: no level '{label}'{nearest(label, labels)}")
        base = group.base or self.design.base
        base_key = _settings_hash(self._config(group.set, {}, base, place))
        levels = []
        for label, overrides in rows:
            trials = self._trials_of(group.set, overrides, base, f"{place}, level '{label}'")
            is_base = label == group.compared_to
            if group.compared_to is None and "seed" not in overrides:
                is_base = _settings_hash(trials[0].config) == base_key
            value = _plain(overrides.get(key)) if key else None
            reported = _reported(group.reported, label)
            levels.append(Level(label, value, overrides, is_base, reported, trials))
        return Group(name, group.title or name, key, tuple(levels))

    def _trials_of(
        self, shared: Mapping[str, Any], overrides: Mapping[str, Any], base: str, place: str
    ) -> tuple[Trial, ...]:
        """A trial a seed; one alone for a model in which nothing is left to chance."""
        config = self._config(shared, overrides, base, place)
        seeds = [config.seed] if "seed" in overrides else self.design.seeds
        if not config.model.module.TRAINED:
            seeds = seeds[:1]
        digest = _settings_hash(config)
        if digest not in self._built:
            _require_buildable(config, place)
            self._built.add(digest)
        trials = []
        for seed in seeds:
            name = f"{config.name}-{digest[:8]}-s{seed}"
            trial = Trial(name, config.model_copy(update={"seed": seed}))
            trials.append(self._trials.setdefault(f"{digest}-{seed}", trial))
        return tuple(trials)

    def _config(
        self, shared: Mapping[str, Any], overrides: Mapping[str, Any], base: str, place: str
    ) -> Config:
        overrides = dict(overrides)
        base = str(overrides.pop("base", base))
        design = self.design
        try:
            if base not in self._bases:
                self._bases[base] = load_settings(base)
            settings = copy.deepcopy(self._bases[base])
            for changes in (design.set, design.changed.overrides, shared, overrides):
                for key, value in changes.items():
                    put(settings, key, copy.deepcopy(value))
        except UserError as error:
            raise UserError(f"{place}: {error}") from error
        config = parse_config(settings, place)
        if config.threads is None:
            config = config.model_copy(update={"threads": DEFAULT_THREADS})
        return config if design.changed.limit is None else self._limited(config, place)

    def _limited(self, config: Config, place: str) -> Config:
        """The config with a part of the training part that has about so many examples."""
        if config.data.subset is not None:
            raise UserError(f"{place}: data.subset and a limit go not together; leave one out")
        limit = self.design.changed.limit or 0
        key = sha256_json(config.model_dump(mode="json")["data"])
        if key not in self._sizes:
            self._sizes[key] = len(compose.dataset_of(config).rows("train"))
        if limit >= self._sizes[key]:
            return config
        subset = Subset(fraction=limit / self._sizes[key])
        data = config.data.model_copy(update={"subset": subset})
        return config.model_copy(update={"data": data})


def _settings_hash(config: Config) -> str:
    """Hash of what a training reads, but for the seed: equal ones are trained once."""
    settings = {key: item for key, item in read_settings(config).items() if key != "seed"}
    if not settings["train"].get("clip_norm"):
        settings["train"].pop("clip_norm", None)  # 0 and null mean the same
    return sha256_json({"settings": settings, "versions": component_versions(config)})


def _require_buildable(config: Config, place: str) -> None:
    try:
        check_task(config)
        describe(config)
    except (UserError, ValueError) as error:
        raise UserError(f"{place}: {' '.join(str(error).split())}") from error


def _levels(levels: Levels, key: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Labels and overrides of a list of values for `key`, or of a mapping of labels to values for
    it, or without a key to overrides."""
    items = levels.items() if isinstance(levels, dict) else ((label_of(v), v) for v in levels)
    for label, value in items:
        yield label, dict(value) if key is None else {key: value}


def _plain(value: Any) -> int | float | str | None:
    """A number or a text; what is neither has a label alone."""
    if isinstance(value, bool):
        return label_of(value)
    return value if isinstance(value, int | float | str) else None


def _draw(chance: random.Random, values: Range | list[Any]) -> Any:
    if isinstance(values, list):
        return chance.choice(values)
    low, high = values.low, values.high
    whole = isinstance(low, int) and isinstance(high, int)
    if values.log:
        drawn = math.exp(chance.uniform(math.log(low), math.log(high)))
    elif whole:
        return chance.randint(int(low), int(high))
    else:
        drawn = chance.uniform(low, high)
    drawn = min(max(drawn, low), high)
    return round(drawn) if whole else float(f"{drawn:.4g}")


def _reported(reported: Reported, label: str) -> dict[str, Any] | None:
    figures = reported.figures.get(label)
    return None if figures is None else {"figures": dict(figures), "note": reported.note}
