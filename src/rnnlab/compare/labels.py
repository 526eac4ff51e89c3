"""Names that tell configurations apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def labels_of(facts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names, told apart by the settings in which those of the same name differ."""
    names = [str(item.get("name")) for item in facts]
    settings = [dict(_flat(item["identity"].get("settings", {}))) for item in facts]
    labels = []
    for index, name in enumerate(names):
        alike = [settings[i] for i in range(len(names)) if names[i] == name]
        keys = sorted({key for other in alike for key in other})
        differing = [
            f"{key.rpartition('.')[2]}={settings[index].get(key)}"
            for key in keys
            if key != "seed" and any(other.get(key) != alike[0].get(key) for other in alike)
        ]
        labels.append(" ".join([name, *differing]) if len(alike) > 1 else name)
    return _numbered(labels)


def _numbered(labels: Sequence[str]) -> list[str]:
    """The same labels, a number after those that are not unique (other data, say)."""
    return [
        f"{label} ({number})" if labels.count(label) > 1 else label
        for number, label in enumerate(labels, start=1)
    ]


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
