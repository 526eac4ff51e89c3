"""From a study's name, its file or its directory to a checked design."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from rnnlab.config.load import parse_options, parse_override, parse_yaml, read_text
from rnnlab.exceptions import UserError
from rnnlab.options import nearest
from rnnlab.study.design import Design

_STUDIES = resources.files("rnnlab.config") / "studies"
_OWN = ("seeds", "metric", "test")
"""Keys of a study itself that the command line may set."""


def study_names() -> list[str]:
    """Names of the shipped studies, sorted."""
    names = (file.name for file in _STUDIES.iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def study_summaries() -> dict[str, str]:
    """One line about each shipped study."""
    return {name: _settings(name)[0].get("summary", "") for name in study_names()}


def load_design(
    name_or_path: str, overrides: list[str] | None = None, limit: int | None = None
) -> Design:
    """Read a shipped study, a YAML file, or the `study.yaml` of a study directory.

    Args:
        name_or_path: which.
        overrides: `key=value`; `seeds`, `metric` and `test` are the study's own, others are dotted
            keys of the base.
        limit: examples of the training part.

    Raises:
        UserError: unknown study or key (the nearest is named), bad value, unreadable file.
    """
    settings, origin = _settings(name_or_path)
    changed = dict(settings.get("changed") or {})
    dotted, own = dict(changed.get("overrides") or {}), dict(changed.get("own") or {})
    for override in overrides or []:
        key, value = parse_override(override)
        if key not in _OWN:
            dotted[key] = value
        elif value != settings.get(key, _default(key)):
            settings[key] = own[key] = value
    if limit is not None:
        changed["limit"] = limit
    parts = {"overrides": dotted, "own": own}
    changed |= {key: part for key, part in parts.items() if part}
    return parse_options(Design, {**settings, "changed": changed}, origin)


def _default(key: str) -> Any:
    return Design.model_fields[key].get_default(call_default_factory=True)


def _settings(name: str) -> tuple[dict[str, Any], str]:
    """The keys of a study file as they are written, its name among them, and what to call it."""
    path = Path(name).expanduser()
    folder = path.parent
    if name.endswith((".yaml", ".yml")):
        text, stem, origin = read_text(path, name), path.stem, name
    elif (path / "study.yaml").is_file():
        origin, folder = str(path / "study.yaml"), path
        text, stem = read_text(path / "study.yaml", origin), path.name
    else:
        file = _STUDIES / f"{name}.yaml"
        if "/" in name or not file.is_file():
            raise UserError(
                f"unknown study '{name}'{nearest(name, study_names())} (see `rnnlab list studies`; "
                "a file ends in .yaml)"
            )
        text, stem, origin = file.read_text(encoding="utf-8"), name, f"study {name}"
    settings = parse_yaml(text, origin)
    if not isinstance(settings, dict):
        raise UserError(f"{origin}: expected a mapping of keys: base, seeds, factors, ...")
    return {"name": stem, **_with_absolute_bases(settings, folder.absolute())}, origin


def _with_absolute_bases(settings: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Bases that are files are named from the study file's folder; make that hold from any."""
    found = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            found[key] = _with_absolute_bases(value, folder)
        elif key == "base" and isinstance(value, str) and value.endswith((".yaml", ".yml")):
            found[key] = str(folder / Path(value).expanduser())
        else:
            found[key] = value
    return found
