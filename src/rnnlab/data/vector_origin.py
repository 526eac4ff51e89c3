"""Where vectors that were learned here come from, and whether they suit a run.

`rnnlab embed train` describes vectors in a JSON file beside them; vectors from elsewhere have none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rnnlab.files import read_json


def description_path(path: Path) -> Path:
    """The file that describes a file of vectors."""
    return path.with_name(f"{path.name}.json")


def misfits(path: Path, tokenizer: dict[str, Any], held_out: dict[str, str] | None) -> list[str]:
    """Say in one line each why vectors do not suit a run; empty where nothing is known of them.

    Args:
        path: the vectors.
        tokenizer: of the run; see `rnnlab.data.tokenizing.description`.
        held_out: of its data set; None where that is not known.
    """
    try:
        told = read_json(description_path(path))
        words, theirs = told["tokenizer"], told["data"].get("held_out", {})
        same_texts = held_out is not None and theirs.get("texts") == held_out["texts"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
    found = []
    if words != tokenizer:
        found.append(f"{path} holds the words of another tokenizer, or of other settings of it")
    if same_texts and theirs != held_out:
        found.append(
            f"{path} was learned with another validation part: it has read texts that this run "
            "validates on"
        )
    return found
