"""What a study file may say. A study is a base, seeds, and groups of levels that depart from it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveInt, model_validator

from rnnlab.options import Options, nearest

COMBINED = "combined"
"""Name of the group of the combination."""


def label_of(value: Any) -> str:
    """What a level is called that has no name but its value."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {label_of(item)}" for key, item in value.items())
    return str(value)


def _labelled(value: Any) -> Any:
    """Labels may be written as numbers."""
    if not isinstance(value, dict):
        return value
    return {label_of(key): item for key, item in value.items()}


Levels = Annotated[list[Any] | dict[str, Any], BeforeValidator(_labelled), Field(min_length=1)]


class Reported(Options):
    """Figures that others published for the levels of a group.

    Attributes:
        note: how they were obtained, where that differs from what is done here.
        figures: by level: `accuracy`, `macro_f1`, `perplexity`, or any other name.
    """

    note: str = ""
    figures: Annotated[dict[str, dict[str, float]], BeforeValidator(_labelled)] = Field(
        default_factory=dict
    )


class _Group(Options):
    """What groups have in common.

    Attributes:
        title: for people; by default the group's name.
        base: another preset or file to start from; by default the study's.
        set: dotted overrides for all of its levels, under which they are compared.
        compared_to: label of the level that the others are compared with; by default the one that
            changes nothing.
        reported: published figures.
    """

    title: str = ""
    base: str | None = None
    set: dict[str, Any] = Field(default_factory=dict)
    compared_to: str | None = None
    reported: Reported = Reported()


class Factor(_Group):
    """One thing that varies while the rest stays at the base.

    Attributes:
        key: dotted key that takes the values of `levels`.
        levels: with a key, a list of values or a mapping of labels to values; without one, a
            mapping of labels to dotted overrides (`base` among them names another preset).
    """

    key: str | None = None
    levels: Levels

    @model_validator(mode="after")
    def _has_a_key(self) -> Factor:
        values = self.levels if isinstance(self.levels, list) else list(self.levels.values())
        if self.key is None and not all(isinstance(value, dict) for value in values):
            raise ValueError("levels that are plain values need the dotted key that takes them")
        if self.key is None and isinstance(self.levels, list):
            raise ValueError("levels that are overrides need labels: write a mapping")
        return self

    @property
    def keys(self) -> set[str]:
        """Dotted keys that its levels set."""
        if self.key is not None or isinstance(self.levels, list):
            return {self.key or ""}
        return {key for overrides in self.levels.values() for key in overrides}


class Grid(_Group):
    """Every combination of the levels of several axes.

    Attributes:
        axes: by name, a list of values (the name is then the dotted key), or a mapping of labels to
            dotted overrides.
    """

    axes: Annotated[dict[str, Levels], Field(min_length=1)]

    @model_validator(mode="after")
    def _mappings_hold_overrides(self) -> Grid:
        for name, levels in self.axes.items():
            if isinstance(levels, dict):
                for label, value in levels.items():
                    if not isinstance(value, dict):
                        raise ValueError(
                            f"axis '{name}', level '{label}' needs dotted overrides, as in "
                            "{train.epochs: 3}"
                        )
        return self


class Range(Options):
    """Values to draw from; whole numbers where both ends are.

    Attributes:
        low, high: both belong to it.
        log: draw the logarithm evenly.
    """

    low: int | float
    high: int | float
    log: bool = False

    @model_validator(mode="after")
    def _is_one(self) -> Range:
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) must be below high ({self.high})")
        if self.log and self.low <= 0:
            raise ValueError(f"a logarithmic range begins above 0, not at {self.low}")
        return self


class Random(_Group):
    """Draws from ranges.

    Attributes:
        draws: how many.
        seed: of the draws; the same seed gives the same ones.
        ranges: by dotted key, a range or a list of values.
    """

    draws: PositiveInt
    seed: NonNegativeInt = 0
    ranges: Annotated[dict[str, Range | list[Any]], Field(min_length=1)]


class Combine(Options):
    """Train the combination of the best level of each factor, chosen on validation.

    Attributes:
        combine: names of the factors; "all" for every one.
        title: of the group that it makes.
        reported: published figures; the level is called "combined".
    """

    combine: list[str] | Literal["all"] = "all"
    title: str = "best levels combined"
    reported: Reported = Reported()


class Changed(Options):
    """How a study departs from its file.

    Attributes:
        overrides: dotted, of the base.
        own: of the study itself: `seeds`, `metric` or `test`.
        limit: examples of the training part; None for all.
    """

    overrides: dict[str, Any] = Field(default_factory=dict)
    own: dict[str, Any] = Field(default_factory=dict)
    limit: PositiveInt | None = None


class Design(Options):
    """A study.

    Attributes:
        name: of its directory.
        summary: one line for lists.
        description: what it asks, and what is to be known of its protocol.
        base: preset or file of the run that levels depart from.
        set: dotted overrides of every run, before those of its group and level.
        seeds: each level is trained with each; a level that sets `seed` has that one alone.
        metric: by which levels are compared; by default perplexity for a language model, else
            accuracy, or the base's `train.metric`.
        test: score each finished run on the test part, once. No verdict is drawn from that.
        factors, grid, random: groups of levels, by name.
        then: what follows from them.
        changed: how a study departs from its file; filled in by the command line.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    summary: str = ""
    description: str = ""
    base: str
    set: dict[str, Any] = Field(default_factory=dict)
    seeds: list[NonNegativeInt] = Field(default_factory=lambda: [0], min_length=1)
    metric: Literal["accuracy", "macro_f1", "perplexity"] | None = None
    test: bool = False
    factors: dict[str, Factor] = Field(default_factory=dict)
    grid: dict[str, Grid] = Field(default_factory=dict)
    random: dict[str, Random] = Field(default_factory=dict)
    then: Combine | None = None
    changed: Changed = Changed()

    @model_validator(mode="before")
    @classmethod
    def _combine_by_its_name(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("then") == "combine":
            return {**value, "then": {"combine": "all"}}
        return value

    @model_validator(mode="after")
    def _groups_fit(self) -> Design:
        names = [*self.factors, *self.grid, *self.random]
        if not names:
            raise ValueError("give factors, grid or random: there is nothing to vary")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice or COMBINED in names:
            raise ValueError(f"group name '{(twice or [COMBINED])[0]}' is taken; choose another")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds: {self.seeds} names one twice")
        self._require_combinable()
        return self

    def _require_combinable(self) -> None:
        if self.then is None:
            return
        for name in self.combined_factors:
            if name not in self.factors:
                raise ValueError(f"then.combine: no factor '{name}'{nearest(name, self.factors)}")
            if self.factors[name].set or self.factors[name].base:
                raise ValueError(
                    f"then.combine: factor '{name}' has its own base or set, so its best level "
                    "cannot be carried over; name the others in then.combine"
                )
        self._require_apart()

    def _require_apart(self) -> None:
        """What one factor's best level sets must not be undone by another's."""
        owners: dict[str, str] = {}
        for name in self.combined_factors:
            for key in self.factors[name].keys:
                for earlier, owner in owners.items():
                    if earlier == key or earlier.startswith(f"{key}."):
                        raise ValueError(
                            f"then.combine: factor '{name}' sets {key}, which undoes what "
                            f"'{owner}' sets; let each set keys of its own"
                        )
            owners |= dict.fromkeys(self.factors[name].keys, name)

    @property
    def combined_factors(self) -> list[str]:
        """Factors whose best levels are trained together."""
        if self.then is None:
            return []
        return list(self.factors) if self.then.combine == "all" else self.then.combine

    @property
    def group_names(self) -> list[str]:
        """Of all groups, the combination last."""
        names = [*self.factors, *self.grid, *self.random]
        return [*names, COMBINED] if self.then is not None else names
