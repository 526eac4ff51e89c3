"""The embedded set in place of data that is not here: the same task, the same number of labels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from rnnlab.config.schema import Config
from rnnlab.data.download import found
from rnnlab.files import write_text
from rnnlab.registry import SOURCES

_SIZES = {"train": 400, "test": 100}
_ONLY_IN = {"train": "indeed", "test": "frankly"}
_EVERY = 5
_TEXTS_PER_GROUP = 8


def is_absent(config: Config) -> bool:
    """Whether a config's data is not on this machine; nothing is downloaded to find out."""
    source = config.data.source
    if files := getattr(source.module, "FILES", ()):
        return any(found(file) is None for file in files)
    if "path" not in type(source.options).model_fields:
        return False
    path = source.options.path
    return not path or not Path(path).expanduser().is_file()


def stand_in(config: Config, folder: Path) -> dict[str, object]:
    """Write the embedded set to a folder; return a `data` section that reads it.

    Two labels are those of the embedded set; more are the number of words by that number, so that
    the task can be learned. Whatever the config keeps whole in validation is a group of texts that
    follow each other, and each split has a word that the other lacks, as real data has.
    """
    data = config.model_dump(mode="json")["data"]
    own = type(config.data.source.options).model_fields
    kept = {key: value for key, value in data.items() if key not in own and key != "source"}
    kept["extra"] = None
    if config.model.module.TASK == "language_modeling":
        kept["validation"]["by"] = "auto"  # lines have no groups
        paths = {split: folder / f"{split}.txt" for split in _SIZES}
        for split, path in paths.items():
            write_text(path, "".join(f"{text}\n" for text, _ in _examples(split)))
        return {
            **kept,
            "source": "lines",
            "path": str(paths["train"]),
            "test_path": str(paths["test"]),
        }
    recorded = config.data.recorded
    classes = (recorded.classes if recorded else None) or 2
    by = config.data.validation.by
    group = None if by in ("auto", "example") else by
    paths = {split: folder / f"{split}-{classes}-{group}.jsonl" for split in _SIZES}
    for split, path in paths.items():
        rows = []
        for number, (text, label) in enumerate(_examples(split)):
            name = label if classes == 2 else f"class {len(text.split()) % classes}"
            row = {"text": text, "label": name}
            if group is not None:
                row[group] = f"{group} {number // _TEXTS_PER_GROUP}"
            rows.append(json.dumps(row))
        write_text(path, "\n".join(rows) + "\n")
    return {
        **kept,
        "source": "table",
        "path": str(paths["train"]),
        "test_path": str(paths["test"]),
        "group": group,
    }


def _examples(split: str) -> Iterator[tuple[str, str | None]]:
    module = SOURCES.load("compositional")
    options = module.Options(train_size=_SIZES["train"], val_size=2, test_size=_SIZES["test"])
    for number, example in enumerate(module.open_source(options).read(split)):
        text = example.text
        yield (f"{_ONLY_IN[split]} {text}" if number % _EVERY == 0 else text), example.label
