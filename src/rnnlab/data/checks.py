"""What is on this machine, and which texts repeat."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from typing import Any

from rnnlab.data.download import found, locate
from rnnlab.registry import SOURCES

_NOT_WORD = re.compile(r"<br\s*/?>|[\W_]+")


def list_sources() -> list[dict[str, Any]]:
    """Name, summary and state of every data set; fetches nothing."""
    rows = []
    for name in SOURCES.names:
        module = SOURCES.load(name)
        files = getattr(module, "FILES", ())
        missing = [file for file in files if found(file) is None]
        if not files:
            state = "no download needed"
        elif missing:
            state = f"not here yet; `rnnlab data fetch {name}` gets {missing[0].url}"
        else:
            state = f"here: {found(files[0])}"
        rows.append({"name": name, "summary": module.SUMMARY, "found": not missing, "state": state})
    return rows


def fetch(name: str) -> list[str]:
    """Locate every file of a data set, downloading what is missing; return the paths.

    Raises:
        UserError: unknown data set, no network, or a hash that differs.
    """
    return [str(locate(file)) for file in getattr(SOURCES.load(name), "FILES", ())]


def normalise(text: str) -> str:
    """Lower case, letters and digits alone, single spaces."""
    return _NOT_WORD.sub(" ", text.lower()).strip()


def repeats(splits: Mapping[str, Iterable[str]], form: Callable[[str], str]) -> dict[str, Any]:
    """Count repeated texts under a normal form.

    Args:
        splits: texts per split.
        form: texts with equal forms are the same.

    Returns:
        `repeats`: per split, texts whose form came before in the split; `overlap`: per pair of
        splits "A_B", distinct forms that are in both.
    """
    distinct: dict[str, set[str]] = {}
    counts: dict[str, int] = {}
    for name, texts in splits.items():
        forms = [form(text) for text in texts]
        distinct[name] = set(forms)
        counts[name] = len(forms) - len(distinct[name])
    pairs = combinations(distinct, 2)
    overlap = {f"{a}_{b}": len(distinct[a] & distinct[b]) for a, b in pairs}
    return {"repeats": counts, "overlap": overlap}
