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


def misfits(
    path: Path, *, tokenizer: dict[str, Any], train_sha256: str | None, validation: dict[str, Any]
) -> list[str]:
    """Say in one line each why vectors do not suit a run; empty where nothing is known of them.

    Args:
        path: the vectors.
        tokenizer: of the run; see `rnnlab.data.tokenizing.description`.
        train_sha256: of the texts that hold the run's training part; None where they are in
            memory.
        validation: settings by which its validation part was cut from them.
    """
    try:
        told = read_json(description_path(path))
        words, data = told["tokenizer"], told["data"]
        texts = data["splits"]["train"]["sha256"] if "splits" in data else None
    except (OSError, ValueError, KeyError, TypeError):
        return []
    found = []
    if words != tokenizer:
        found.append(f"{path} holds the words of another tokenizer, or of other settings of it")
    if texts is not None and texts == train_sha256 and data.get("validation") != validation:
        found.append(
            f"{path} was learned with another data.validation: it has read texts that this run "
            "validates on"
        )
    return found
