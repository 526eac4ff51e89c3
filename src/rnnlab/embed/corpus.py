"""Which texts vectors are learned from: never those of validation or test, nor copies of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnlab import compose
from rnnlab.config.load import load_data_config
from rnnlab.data import tokenizing
from rnnlab.data.ragged import Ragged, joined
from rnnlab.data.tables import EXTENSIONS, open_table, text_lines
from rnnlab.data.token_cache import tokenize_all, tokenized
from rnnlab.exceptions import UserError
from rnnlab.files import sha256_file

_HELD_OUT = ("val", "test")


@dataclass(frozen=True)
class Corpus:
    """Tokenized texts.

    Attributes:
        ragged: type numbers, one sequence a text.
        types: the types that they number.
        tokenizer: name, settings, and what its tokens depend on besides.
        data: what was read, for the record: from where, and how many texts.
    """

    ragged: Ragged
    types: list[str]
    tokenizer: dict[str, Any]
    data: dict[str, Any]


def read_data(
    name: str,
    overrides: Sequence[str],
    *,
    tokenizer: str | None,
    splits: Sequence[str] | None,
) -> Corpus:
    """Read the training part of a data set, and its unlabelled texts.

    Of further splits ("unsup"), texts that are in validation or test too are left out: 50,000
    unlabelled reviews of IMDB hold some hundreds of copies of labelled ones.

    Args:
        name: a data set, preset or file of settings.
        overrides: as for a training; the cut of the validation part is among these settings.
        tokenizer: in place of that of the settings.
        splits: to read; by default all but validation and test.

    Raises:
        UserError: unknown name or split, or a held-out one.
    """
    chosen = [] if tokenizer is None else [f"data.tokenizer={tokenizer}"]
    config = load_data_config(name, [*chosen, *overrides])
    dataset = compose.dataset_of(config)
    readable = [split for split in dataset.source.splits if split not in _HELD_OUT]
    for split in splits or ():
        if split not in readable:
            raise UserError(
                f"--splits: vectors are not learned from '{split}' of {name}: choose among "
                f"{', '.join(readable)}"
            )
    facts: dict[str, Any] = {}
    parts = []
    for split in dict.fromkeys(splits or readable):
        texts = dataset.texts(split)
        rows = dataset.rows(split) if split == "train" else dataset.rows_apart(texts.texts())
        ragged, types = tokenized(texts, dataset.tokenizer, dataset.learned)
        parts.append((ragged if len(rows) == len(ragged) else ragged.select(rows), types))
        facts[split] = {"texts": len(rows), "of": len(texts), "sha256": texts.facts["sha256"]}
    ragged, types = joined(parts)
    data = {
        "name": dataset.name,
        "splits": facts,
        "validation": config.data.validation.model_dump(mode="json"),
        "held_out": dataset.held_out,
    }
    return Corpus(ragged, types, tokenizing.description(dataset.tokenizer, dataset.learned), data)


def read_file(path: Path, column: str | None, tokenizer: str, overrides: Sequence[str]) -> Corpus:
    """Read a file of texts.

    Args:
        path: a table, or a ".txt" file with one text a line.
        column: of the texts in a table; "text" if None.
        tokenizer: by name.
        overrides: settings of the tokenizer (`data.tokenizer.lowercase=false`).

    Raises:
        UserError: the file is malformed, or the tokenizer is one that learns.
    """
    for override in overrides:
        if not override.startswith("data.tokenizer."):
            raise UserError(f"'{override}': with --file, settings are those of data.tokenizer")
    config = load_data_config("table", [f"data.tokenizer={tokenizer}", *overrides])
    component = config.data.tokenizer
    if tokenizing.learns(component):
        raise UserError(
            f"--tokenizer {tokenizer} learns from the training part of a data set: use --data"
        )
    texts = _lines(path) if path.suffix.lower() == ".txt" else _column(path, column)
    ragged, types = tokenize_all(texts, tokenizing.build(component, None))
    data = {"file": str(path.absolute()), "texts": len(ragged), "sha256": sha256_file(path)}
    return Corpus(ragged, types, tokenizing.description(component, None), data)


def _column(path: Path, column: str | None) -> Iterator[str]:
    """The texts of a table."""
    if path.suffix.lower() not in EXTENSIONS:
        raise UserError(
            f"{path}: '{path.suffix}' is not the extension of texts, "
            f"which is one of {', '.join(('.txt', *EXTENSIONS))}"
        )
    table = open_table(path)
    name = column or "text"
    table.require(name, "--text")
    for chunk in table.chunks(columns=[name]):
        yield from chunk.texts(name)


def _lines(path: Path) -> Iterator[str]:
    """The lines of a text file."""
    try:
        with path.open("rb") as file:
            for line in text_lines(path, file):
                yield line.rstrip("\r\n")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
