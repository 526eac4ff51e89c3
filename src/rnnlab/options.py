"""Typed groups of settings: frozen, checked, and helpful about keys that they do not know."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError


def nearest(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the closest known name, or the list of known names."""
    known = sorted(known)
    match = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if match:
        return f"; did you mean '{match[0]}'?"
    return f"; known: {', '.join(known)}" if 0 < len(known) <= 20 else ""


def unknown_key(key: object, known: Iterable[str]) -> PydanticCustomError:
    """The error for a key that is not among `known`."""
    context = {"key": str(key), "hint": nearest(str(key), known)}
    return PydanticCustomError("unknown_key", "unknown key '{key}'{hint}", context)


class Options(BaseModel):
    """Frozen settings; a key that is not a field is refused, and the nearest field named."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, value: Any) -> Any:
        if isinstance(value, dict):
            for key in value:
                if key not in cls.model_fields:
                    raise unknown_key(key, cls.model_fields)
        return value
