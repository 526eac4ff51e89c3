"""Behavioural tests from a YAML file: what they say, checked, and the cases that they make.

Source: Ribeiro et al. 2020, "Beyond Accuracy: Behavioral Testing of NLP Models with CheckList".
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, ValidationError, model_validator

from rnnlab.behaviour.perturbations import PERTURBATIONS
from rnnlab.config.load import parse_yaml
from rnnlab.exceptions import UserError
from rnnlab.options import Options, nearest

SHIPPED = Path(__file__).parent / "sentiment.yaml"
MOST_CASES = 200
"""Cases of a test; of more, so many are drawn, the same every time."""

_SLOT = re.compile(r"\{([^{}]*)\}")
Texts = Annotated[tuple[str, ...], Field(min_length=1)]


class Behaviour(Options):
    """A behaviour that is expected of a model.

    Attributes:
        name: of the test.
        about: the ability that it is about.
        kind: MFT (minimum functionality): the text has this label. INV (invariance): a change does
            not change the label. DIR (direction): a change moves the label's probability one way.
        templates: texts with {slots}.
        role: whose labels are expected (MFT), or whose probability moves (DIR).
        vary: slots whose filling must not matter (INV).
        perturb: a change that must not matter (INV).
        changed: the changed text of each template, with its slots and further ones (DIR).
        moves: which way the probability must not go (DIR).
        tolerance: by how much it may all the same.
    """

    name: str
    about: str
    kind: Literal["MFT", "INV", "DIR"]
    templates: Texts
    role: str | None = None
    vary: tuple[str, ...] = ()
    perturb: str | None = None
    changed: tuple[str, ...] = ()
    moves: Literal["not down", "not up"] | None = None
    tolerance: Annotated[float, Field(ge=0, lt=1)] = 0.1

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Behaviour:
        needed = {
            "MFT": {"role": self.role},
            "INV": {"vary or perturb": self.vary or self.perturb},
            "DIR": {"role": self.role, "changed": self.changed, "moves": self.moves},
        }[self.kind]
        for key, value in needed.items():
            if not value:
                raise ValueError(f"a test of kind {self.kind} needs {key}")
        has = {
            "role": self.role,
            "vary": self.vary,
            "perturb": self.perturb,
            "changed": self.changed,
            "moves": self.moves,
        }
        allowed = " ".join(needed)
        for key, value in has.items():
            if value and key not in allowed:
                raise ValueError(f"a test of kind {self.kind} has no {key}")
        if self.vary and self.perturb:
            raise ValueError("give vary or perturb, not both")
        if self.kind == "DIR" and len(self.changed) != len(self.templates):
            raise ValueError(
                f"{len(self.templates)} templates and {len(self.changed)} changed ones; give one "
                "for each"
            )
        if self.perturb and self.perturb not in PERTURBATIONS:
            hint = nearest(self.perturb, PERTURBATIONS)
            raise ValueError(f"unknown perturb '{self.perturb}'{hint}")
        return self


class Suite(Options):
    """A file of tests.

    Attributes:
        roles: names for labels, each the labels of a model that it may be.
        words: what fills a slot of that name.
        tests: at least one.
    """

    roles: dict[str, Texts] = Field(default_factory=dict)
    words: dict[str, Annotated[tuple[str | int, ...], Field(min_length=1)]] = Field(
        default_factory=dict
    )
    tests: Annotated[tuple[Behaviour, ...], Field(min_length=1)]


class Case(NamedTuple):
    """A text, and what is changed in it.

    Attributes:
        text: the original.
        variants: changed texts; none for an MFT.
    """

    text: str
    variants: tuple[str, ...]


def read_suite(path: Path) -> Suite:
    """Read and check a file of tests.

    Raises:
        UserError: it cannot be read, or a test in it is wrong; the test and the key are named.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UserError(f"{path}: cannot be read: {reason}") from error
    content = parse_yaml(text, str(path))
    try:
        suite = Suite.model_validate(content)
    except ValidationError as error:
        raise UserError(f"{path}: {_first_problem(error, content)}") from error
    names = [test.name for test in suite.tests]
    for test in suite.tests:
        if names.count(test.name) > 1:
            raise UserError(f"{path}: two tests are called '{test.name}'; rename one")
        _check_slots(path, test, suite)
    return suite


def cases(test: Behaviour, words: Mapping[str, Sequence[str | int]]) -> list[Case]:
    """All cases of a test, or `MOST_CASES` of them; without those that a change leaves as they
    are."""
    found: dict[Case, None] = {}  # a set in the order of insertion
    for number, template in enumerate(test.templates):
        changed = test.changed[number] if test.changed else ""
        outer = _slots(template) - set(test.vary)
        inner = sorted((set(test.vary) & _slots(template)) or (_slots(changed) - outer))
        for filling in _fillings(sorted(outer), words):
            texts = [
                _fill(changed or template, {**filling, **more}) for more in _fillings(inner, words)
            ]
            if test.vary:
                case = Case(texts[0], tuple(texts[1:]))
            elif test.perturb:
                text = _fill(template, filling)
                case = Case(text, tuple(PERTURBATIONS[test.perturb](text)))
            else:
                case = Case(_fill(template, filling), tuple(texts) if changed else ())
            if test.kind == "MFT" or case.variants:
                found[case] = None
    every = list(found)
    if len(every) <= MOST_CASES:
        return every
    return random.Random(test.name).sample(every, MOST_CASES)


def _fillings(
    names: Sequence[str], words: Mapping[str, Sequence[str | int]]
) -> list[dict[str, str]]:
    chosen = itertools.product(*(words[name] for name in names))
    return [dict(zip(names, map(str, each), strict=True)) for each in chosen]


def _fill(template: str, filling: Mapping[str, str]) -> str:
    return _SLOT.sub(lambda match: filling[match[1]], template)


def _slots(template: str) -> set[str]:
    return set(_SLOT.findall(template))


def _check_slots(path: Path, test: Behaviour, suite: Suite) -> None:
    where = f"{path}, test '{test.name}'"
    used = set[str]().union(*map(_slots, (*test.templates, *test.changed)))
    for name in sorted(used - suite.words.keys()):
        raise UserError(f"{where}: no words for the slot {{{name}}}{nearest(name, suite.words)}")
    for name in test.vary:
        if name not in set[str]().union(*map(_slots, test.templates)):
            raise UserError(f"{where}: vary names '{name}', which is no slot of its templates")
        if len(suite.words[name]) < 2:
            raise UserError(f"{where}: vary needs two words or more for the slot {{{name}}}")
    if test.role is not None and test.role not in suite.roles:
        raise UserError(f"{where}: unknown role '{test.role}'{nearest(test.role, suite.roles)}")


def _first_problem(error: ValidationError, content: Any) -> str:
    """The first mistake, with the test that it is in."""
    first = error.errors()[0]
    place = list(first["loc"])
    name = ""
    if len(place) >= 2 and place[0] == "tests" and isinstance(place[1], int):
        test = content["tests"][place[1]]
        called = test.get("name") if isinstance(test, dict) else None
        name = f"test {called!r}, " if called else f"test {place[1] + 1}, "
        place = place[2:]
    key = ".".join(map(str, place))
    message = first["msg"].removeprefix("Value error, ")
    return f"{name}{key + ': ' if key else ''}{message}"
