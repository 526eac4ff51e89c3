"""A component is a file: the registry of a package is the list of its modules.

A package such as `rnnlab.data.tokenizers` holds one module per component. The module's name is the
component's name in configs; a leading underscore hides a module that components share. Listing
names imports nothing, so `--help` and `list` stay fast; a component is imported when it is used.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from annotated_types import GroupedMetadata
from pydantic import BeforeValidator, PlainSerializer, ValidationError
from pydantic_core import PydanticCustomError

from rnnlab.exceptions import UserError
from rnnlab.options import Options, nearest


class Registry:
    """The components of one package, by name.

    Args:
        package: dotted name of the package whose modules are the components.
        noun: what one component is called in messages ("tokenizer").
    """

    def __init__(self, package: str, noun: str) -> None:
        self.package = package
        self.noun = noun

    @cached_property
    def names(self) -> list[str]:
        """Names of all components, sorted; imports none of them."""
        root = Path(__file__).parent.joinpath(*self.package.split(".")[1:])
        found = (module.name for module in pkgutil.iter_modules([str(root)]))
        return sorted(name for name in found if not name.startswith("_"))

    def load(self, name: str) -> ModuleType:
        """Import one component.

        Raises:
            UserError: no component has this name; the nearest one is named.
        """
        if name not in self.names:
            raise UserError(f"unknown {self.noun} '{name}'{nearest(name, self.names)}")
        return importlib.import_module(f"{self.package}.{name}")


@dataclass(frozen=True)
class Component:
    """A chosen component and its settings, as a config holds it.

    Attributes:
        registry: where it comes from.
        name: of the component.
        options: an instance of the component's own `Options`.
    """

    registry: Registry
    name: str
    options: Any

    @property
    def module(self) -> ModuleType:
        """The component's module."""
        return self.registry.load(self.name)


class _ComponentField(GroupedMetadata):
    """Both halves of a component field, as one annotation."""

    def __init__(self, *parts: object) -> None:
        self.parts = parts

    def __iter__(self) -> Iterator[object]:
        return iter(self.parts)


def component(registry: Registry, key: str = "name", *, optional: bool = False) -> GroupedMetadata:
    """Annotate a config field that chooses a component of `registry`.

    The section is the component's name alone, or a mapping of `key` to the name with the
    component's settings beside it. It dumps as the mapping, defaults included. An `optional` one
    may be null.
    """

    def parse(value: Any) -> Component | None:
        if isinstance(value, Component) or (optional and value is None):
            return value
        settings = dict(value) if isinstance(value, dict) else {key: value}
        name = settings.pop(key, None)
        if not isinstance(name, str):
            raise PydanticCustomError(
                "component",
                "{problem}",
                {"problem": f"choose a {registry.noun} by {key}: {', '.join(registry.names)}"},
            )
        try:
            options: type[Options] = registry.load(name).Options
            return Component(registry, name, options.model_validate(settings))
        except UserError as error:
            raise PydanticCustomError("component", "{problem}", {"problem": str(error)}) from error
        except ValidationError as error:
            raise PydanticCustomError(
                "component", "{problem}", {"problem": "", "errors": error.errors()}
            ) from error

    def dump(value: Component | None) -> dict[str, Any] | None:
        return value and {key: value.name, **value.options.model_dump(mode="json")}

    return _ComponentField(BeforeValidator(parse), PlainSerializer(dump))


SOURCES = Registry("rnnlab.data.sources", "data source")
TOKENIZERS = Registry("rnnlab.data.tokenizers", "tokenizer")
CELLS = Registry("rnnlab.nn.cells", "cell")
POOLINGS = Registry("rnnlab.nn.pooling", "pooling")
MODELS = Registry("rnnlab.models.kinds", "model kind")
OPTIMIZERS = Registry("rnnlab.train.optimizers", "optimizer")
SCHEDULES = Registry("rnnlab.train.schedules", "schedule")
TRACKERS = Registry("rnnlab.trackers", "tracker")
CHECKS = Registry("rnnlab.verify.checks", "check")
