"""Slices by a column of the user's table."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab.analysis.answers import Answers
from rnnlab.analysis.bands import Bands, by_quarter, by_value
from rnnlab.data.sources.table import TableSource
from rnnlab.exceptions import UserError

MOST_VALUES = 30


def by_column(answers: Answers, name: str, correct: npt.NDArray[np.bool_]) -> Bands:
    """Accuracy by a column: each of its values, or quarters of its numbers where there are many.

    Args:
        answers: on the texts of the table.
        name: of the column.
        correct: whose accuracy, bool[n].

    Raises:
        UserError: the data is no table, it has no such column, or the column has too many values.
    """
    source = answers.dataset.source
    if not isinstance(source, TableSource):
        raise UserError(
            f"--column {name}: {answers.dataset.name} is no table of yours; slice it by a pattern, "
            "as in --slice NAME=REGEX"
        )
    table = source.table(answers.dataset.holder(answers.split))
    table.require(name, "--column")
    every = [value for chunk in table.chunks(columns=[name]) for value in chunk.values(name)]
    values = [every[row] for row in answers.predicted.rows.tolist()]
    texts = ["" if value is None else str(value) for value in values]
    distinct = set(texts)
    if len(distinct) <= MOST_VALUES:
        return by_value(name, texts, correct, answers.groups)
    numbers = [_number(value) for value in values]
    if None in numbers:
        example = texts[numbers.index(None)]
        raise UserError(
            f"--column {name}: {len(distinct):,} different values, which are not all numbers "
            f"({example[:40]!r}); choose a column of at most {MOST_VALUES} values, or of numbers"
        )
    return by_quarter(name, "", np.array(numbers, float), correct, answers.groups)


def _number(value: Any) -> float | None:
    """A value as a number; NaN where there is none, None where it is none."""
    if value is None or value == "":
        return float("nan")
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
