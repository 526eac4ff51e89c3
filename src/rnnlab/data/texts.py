"""Texts, labels and groups of a source's split, kept on disk so that archives are read once."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab.data.cache import cached_folder
from rnnlab.data.sources import Source
from rnnlab.exceptions import UserError
from rnnlab.files import read_json, sha256_json, write_json

log = logging.getLogger(__name__)

_FORMAT = 1
_ROWS_PER_CHUNK = 4096


@dataclass(frozen=True)
class TextSplit:
    """One split of a source as it lies in the cache.

    Attributes:
        folder: holds `texts.arrow`, `labels.npy`, `groups.npy` and `facts.json`.
    """

    folder: Path

    @cached_property
    def facts(self) -> dict[str, Any]:
        """`examples`, `labels` (names), `groups` (how many), `sha256` of the content."""
        return read_json(self.folder / "facts.json")

    def __len__(self) -> int:
        return self.facts["examples"]

    @cached_property
    def labels(self) -> npt.NDArray[np.int32]:
        """Index into `facts["labels"]` per example, int32[n]; -1 where there is none."""
        return np.load(self.folder / "labels.npy", mmap_mode="r", allow_pickle=False)

    @cached_property
    def groups(self) -> npt.NDArray[np.int32]:
        """Number of the example's group, int32[n]; -1 where there is none."""
        return np.load(self.folder / "groups.npy", mmap_mode="r", allow_pickle=False)

    @cached_property
    def label_counts(self) -> dict[str, int]:
        """Examples by label, in the order of `facts["labels"]`; those without a label left out."""
        labels = np.asarray(self.labels)
        names = self.facts["labels"]
        counts = np.bincount(labels[labels >= 0], minlength=len(names))
        return dict(zip(names, counts.tolist(), strict=True))

    @cached_property
    def _column(self) -> Any:
        import pyarrow as pa

        with pa.memory_map(str(self.folder / "texts.arrow")) as file:
            return pa.ipc.open_file(file).read_all().column("text")

    def texts(self, rows: Sequence[int] | npt.NDArray[np.int64] | None = None) -> list[str]:
        """The texts of `rows`, or of all examples, in order."""
        column = self._column if rows is None else self._column.take(rows)
        return column.to_pylist()


def plain(text: str) -> str:
    """A text as copies of it are recognised: white space does not count."""
    return " ".join(text.split())


def text_split(name: str, version: int, source: Source, split: str) -> TextSplit:
    """Return a split's texts from the cache, reading the source first if need be.

    Args:
        name: the source's name.
        version: the source's version; part of the cache key.
        source: the opened source.
        split: one of `source.splits`.

    Raises:
        UserError: the split does not exist or the input is malformed.
    """
    if split not in source.splits:
        raise UserError(f"{name} has no split '{split}'; it has {', '.join(source.splits)}")
    identity = {"format": _FORMAT, "version": version, **source.fingerprint}
    key = f"{name}-{split}-{sha256_json(identity)[:16]}"

    def make(folder: Path) -> None:
        log.info("reading %s %s (once; kept in the cache)", name, split)
        _write(folder, source, split)

    return TextSplit(cached_folder("texts", key, make))


def _write(folder: Path, source: Source, split: str) -> None:
    import pyarrow as pa

    digest = hashlib.sha256()
    label_index: dict[str, int] = {name: i for i, name in enumerate(source.labels or ())}
    group_index: dict[str, int] = {}
    labels: list[int] = []
    groups: list[int] = []
    schema = pa.schema([("text", pa.large_string())])
    with pa.ipc.new_file(str(folder / "texts.arrow"), schema) as sink:
        chunk: list[str] = []
        for text, label, group in source.read(split):
            labels.append(-1 if label is None else label_index.setdefault(label, len(label_index)))
            groups.append(-1 if group is None else group_index.setdefault(group, len(group_index)))
            digest.update(repr((text, label, group)).encode("utf-8", "surrogatepass"))
            chunk.append(text)
            if len(chunk) == _ROWS_PER_CHUNK:
                sink.write(pa.record_batch([pa.array(chunk, pa.large_string())], schema=schema))
                chunk = []
        sink.write(pa.record_batch([pa.array(chunk, pa.large_string())], schema=schema))
    np.save(folder / "labels.npy", np.array(labels, np.int32))
    np.save(folder / "groups.npy", np.array(groups, np.int32))
    facts = {
        "examples": len(labels),
        "labels": list(label_index),
        "groups": len(group_index),
        "sha256": digest.hexdigest(),
    }
    write_json(folder / "facts.json", facts)
