"""From a preset's name or a YAML file, with overrides, to a checked config."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from rnnlab.config.schema import Config
from rnnlab.exceptions import UserError
from rnnlab.options import Options, nearest
from rnnlab.registry import SOURCES

AnyOptions = TypeVar("AnyOptions", bound=Options)

_PRESETS = resources.files("rnnlab.config") / "presets"


def preset_names() -> list[str]:
    """Names of the shipped presets, sorted; a file that begins with "_" is only a base."""
    files = (file.name for file in _PRESETS.iterdir())
    names = (name.removesuffix(".yaml") for name in files if name.endswith(".yaml"))
    return sorted(name for name in names if not name.startswith("_"))


def preset_summaries() -> dict[str, str]:
    """One line about each preset, read without loading any component."""
    return {name: _resolve(name, Path.cwd()).get("summary", "") for name in preset_names()}


def load_config(name_or_path: str, overrides: Sequence[str] = ()) -> Config:
    """Read a preset or a YAML file and apply dotted overrides.

    Args:
        name_or_path: a preset's name, or the path of a file that ends in .yaml or .yml.
        overrides: `key.path=value`, the value in YAML ("1e-3" is a number, "null" is None).

    Raises:
        UserError: unknown preset or key (the nearest is named), bad value, unreadable file.
    """
    settings = load_settings(name_or_path)
    for override in overrides:
        _apply(settings, override)
    return parse_config(settings, name_or_path)


def load_settings(name_or_path: str) -> dict[str, Any]:
    """Read a preset or a YAML file, merged over what it extends, as plain values.

    Raises:
        UserError: unknown preset or unreadable file.
    """
    return _resolve(name_or_path, Path.cwd())


def load_data_config(name_or_path: str, overrides: Sequence[str] = ()) -> Config:
    """The config of a preset or file, or for the name of a data set a minimal one.

    Raises:
        UserError: as `load_config`.
    """
    if not is_bare_source(name_or_path):
        return load_config(name_or_path, overrides)
    settings: dict[str, Any] = {
        "name": name_or_path,
        "data": {"source": name_or_path},
        "model": "majority",
    }
    for override in overrides:
        _apply(settings, override)
    return parse_config(settings, name_or_path)


def is_bare_source(name: str) -> bool:
    """Whether a name is that of a data set, and not of a preset too."""
    return name in SOURCES.names and name not in preset_names()


def parse_config(settings: Mapping[str, Any], origin: str) -> Config:
    """Check settings against the schema.

    Raises:
        UserError: with the first problem, its key and `origin`.
    """
    return parse_options(Config, settings, origin)


def parse_options(kind: type[AnyOptions], settings: Mapping[str, Any], origin: str) -> AnyOptions:
    """Check settings against any group of options.

    Raises:
        UserError: with the first problem, its key and `origin`.
    """
    try:
        return kind.model_validate(settings)
    except ValidationError as error:
        raise UserError(f"{origin}: {_first_problem(error.errors())}") from error


def dump_config(config: Config) -> str:
    """The resolved config as YAML; `parse_yaml` and `parse_config` read it back."""
    return dump_yaml(config.model_dump(mode="json"))


def dump_yaml(settings: Any) -> str:
    """Plain values as YAML, in their order."""
    stream = io.StringIO()
    yaml = YAML()
    yaml.width = 100
    yaml.dump(settings, stream)
    return stream.getvalue()


def parse_yaml(text: str, origin: str) -> Any:
    """Parse YAML 1.2 into plain values.

    Raises:
        UserError: not YAML; `origin` and the line are named.
    """
    try:
        return YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        problem = " ".join(str(error.problem or error.context or "cannot be parsed").split())
        raise UserError(f"{origin}{line}: not valid YAML: {problem}") from error
    except (YAMLError, ValueError) as error:
        problem = " ".join(str(error).split())
        raise UserError(f"{origin}: not valid YAML: {problem}") from error


def read_text(path: Path, origin: str) -> str:
    """Read a UTF-8 file.

    Raises:
        UserError: there is none, or it cannot be read; `origin` is named.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UserError(f"{origin}: no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{origin}: cannot be read: {error}") from error


def _resolve(name: str, folder: Path, seen: tuple[str, ...] = ()) -> dict[str, Any]:
    """Load a preset or file, merged over what it `extends`; `seen` extend it themselves."""
    if name in seen:
        raise UserError(f"{name} extends itself, by way of {' and '.join(seen)}")
    if name.endswith((".yaml", ".yml")):
        path = (folder / Path(name).expanduser()).resolve()
        text = read_text(path, name)
        stem, folder = path.stem, path.parent
    else:
        file = _PRESETS / f"{name}.yaml"
        if "/" in name or not file.is_file():
            hint = nearest(name, preset_names())
            raise UserError(
                f"unknown preset '{name}'{hint} (see `rnnlab list presets`; a file ends in .yaml)"
            )
        text, stem = file.read_text(encoding="utf-8"), name
    settings = parse_yaml(text, name)
    if not isinstance(settings, dict):
        raise UserError(f"{name}: expected a mapping of config keys")
    base = settings.pop("extends", None)
    settings.setdefault("name", stem)
    if base is None:
        return settings
    merged = _resolve(str(base), folder, (*seen, name))
    _merge(merged, settings)
    return merged


def _merge(base: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value


def _apply(settings: dict[str, Any], override: str) -> None:
    put(settings, *parse_override(override))


def parse_override(override: str) -> tuple[str, Any]:
    """The dotted key and the value of `key=value`.

    Raises:
        UserError: it is not of that form, or the value is not YAML.
    """
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise UserError(f"'{override}' is not an override; write key=value, as in train.epochs=3")
    return key, parse_yaml(text, f"override {key}") if text else None


def put(settings: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key, making the sections above it where they are missing.

    Raises:
        UserError: what stands above it is not a section.
    """
    *parents, last = key.split(".")
    section: dict[str, Any] = settings
    for parent in parents:
        inner: Any = section.get(parent)
        if isinstance(inner, str):  # a component by its name alone
            inner = {"kind" if parent == "model" else "name": inner}
        elif inner is None:
            inner = {}
        if not isinstance(inner, dict):
            raise UserError(f"override {key}: '{parent}' is a value, not a section")
        section[parent] = inner
        section = inner
    section[last] = value


def _first_problem(errors: Iterable[Any], prefix: tuple[Any, ...] = ()) -> str:
    error = next(iter(errors))
    where = (*prefix, *error["loc"])
    context = error.get("ctx") or {}
    if context.get("errors"):
        return _first_problem(context["errors"], where)
    dotted = ".".join(str(part) for part in where).replace("data.source.", "data.")
    if error["type"] == "unknown_key":
        full = f"{dotted}.{context['key']}" if dotted else context["key"]
        return f"unknown key '{full}'{context['hint']}"
    if error["type"] == "missing":
        return f"key '{dotted}' is missing"
    if error["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return f"{dotted}: expected a section of keys (got {error['input']!r})"
    if error["type"] == "string_pattern_mismatch":
        return f"{dotted}: {error['input']!r} does not fit {context['pattern']}"
    got = "" if error["type"] == "component" else f" (got {error['input']!r})"
    message = error["msg"].removeprefix("Value error, ")
    return f"{dotted}: {message[:1].lower()}{message[1:]}{got}"
