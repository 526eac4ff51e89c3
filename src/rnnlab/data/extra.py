"""Further training texts from a table, beside those of a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rnnlab.data import tokenizing
from rnnlab.data.dataset import Dataset, TokenSplit
from rnnlab.data.ragged import Ragged
from rnnlab.data.sources import table
from rnnlab.data.tables import open_table
from rnnlab.data.texts import text_split
from rnnlab.data.token_cache import tokenize_all, tokenized
from rnnlab.exceptions import UserError
from rnnlab.options import nearest

_SPLIT = "extra"


class ExtraTexts(NamedTuple):
    """Labelled texts to learn from.

    Attributes:
        tokens: of those that are kept; their rows are those of the table.
        facts: `texts` kept, `of` how many, and the `sha256` of texts and labels.
    """

    tokens: TokenSplit
    facts: dict[str, Any]


def read_extra(path: str, text: str, label: str, dataset: Dataset) -> ExtraTexts:
    """Read a table of labelled texts, leaving out those that are in validation or test.

    Args:
        path: the table.
        text, label: its columns.
        dataset: that they are added to.

    Raises:
        UserError: the table is malformed, or has a label that the data set has not (file and line
            are named).
    """
    reader = open_table(path)
    reader.require(text, "data.extra.text")
    reader.require(label, "data.extra.label")
    options = table.Options(path=path, text=text, label=label)
    source = table.TableSource(options, {_SPLIT: reader})
    texts = text_split("table", table.VERSION, source, _SPLIT)
    known = {name: number for number, name in enumerate(dataset.labels)}
    names = texts.facts["labels"]
    for number, name in enumerate(names):
        if name not in known:
            row = int(np.flatnonzero(np.asarray(texts.labels) == number)[0])
            raise UserError(
                f"{Path(path).parent / source.where(_SPLIT, row)}: label '{name}' is none of "
                f"{dataset.name}{nearest(name, known)}; leave the row out, or set data.extra.label"
            )
    rows = dataset.rows_apart(texts.texts())
    ragged, types = tokenized(texts, dataset.tokenizer, dataset.learned)
    numbers = np.array([known[name] for name in names], np.int64)[np.asarray(texts.labels)[rows]]
    facts = {"texts": len(rows), "of": len(texts), "sha256": texts.facts["sha256"]}
    return ExtraTexts(TokenSplit(ragged.select(rows), types, numbers, rows), facts)


class ExtraLines(NamedTuple):
    """Texts to learn from, whose labels were not read.

    Attributes:
        ragged, types: type numbers of those that are kept, and the types.
        facts: `texts` kept, and `of` how many.
    """

    ragged: Ragged
    types: Sequence[str]
    facts: dict[str, Any]


def read_extra_lines(path: str, text: str, dataset: Dataset) -> ExtraLines:
    """Read the texts of a table, leaving out those that are in validation or test.

    Raises:
        UserError: the table is malformed.
    """
    reader = open_table(path)
    reader.require(text, "data.extra.text")
    texts = [each for chunk in reader.chunks(columns=[text]) for each in chunk.texts(text)]
    rows = dataset.rows_apart(texts)
    tokenizer = tokenizing.build(dataset.tokenizer, dataset.learned)
    ragged, types = tokenize_all((texts[row] for row in rows.tolist()), tokenizer)
    return ExtraLines(ragged, types, {"texts": len(rows), "of": len(texts)})


def said_of_extra(facts: Mapping[str, Any], what: str) -> str:
    """How many texts are kept, as in "38 extra texts", and how many are not."""
    left = facts["of"] - facts["texts"]
    copies = f"; {left:,} more are copies of held-out ones" if left else ""
    return f"{facts['texts']:,} {what}{copies}"
