"""What a label is: a whole number or a name, always kept as text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from decimal import Decimal
from numbers import Integral, Real

_NUMBER = re.compile(
    r"(?P<sign>[+-]?)(?=\.?[0-9])(?P<whole>[0-9]*)\.?(?P<fraction>[0-9]*)(?P<exponent>e[+-]?[0-9]+)?",
    re.ASCII | re.IGNORECASE,
)
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.ASCII | re.IGNORECASE)
_CANONICAL = re.compile(r"-?[0-9]+", re.ASCII)


def normalise_label(value: object) -> str:
    """Return the one spelling of a label; white space around it does not count.

    Whole numbers: `4`, `4.0`, `"4"`, `"+4"`, `"4.00"` and `"004"` are all "4"; `"-0"` is "0".
    True and False are "true" and "false", as JSON writes them. Other text is a name and stays as
    it is, case and inner spaces included; so do `"True"`, `"0x10"`, `"1_000"`, `"1,5"`, `"None"`
    and numbers in digits other than 0 to 9.

    Raises:
        ValueError: the label is missing or is a number but not a whole one: 3.5, `"3.5"`, NaN and
            infinity, in text too. Exponents (`"1e3"`) are refused, since they are more often codes
            than counts. The message is half a line: the caller adds file and line.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Integral):
        return str(int(value))
    if isinstance(value, Real):
        number = float(value)
        if not math.isfinite(number) or not number.is_integer():
            raise ValueError(f"label {number} is neither a whole number nor a name")
        return str(int(number))
    if isinstance(value, str):
        return _normalise_text(value.strip())
    if value is None:
        raise ValueError("the label is missing")
    raise ValueError(f"the label is a {type(value).__name__}, neither a whole number nor a name")


def _normalise_text(text: str) -> str:
    if not text:
        raise ValueError("the label is missing")
    number = _NUMBER.fullmatch(text)
    if number is None:
        if _NOT_FINITE.fullmatch(text):
            raise ValueError(f"label {text!r} is neither a whole number nor a name")
        return text
    if number["exponent"]:
        raise ValueError(f"label {text!r} has an exponent: write the whole number in full")
    if number["fraction"].strip("0"):
        raise ValueError(f"label {text!r} is neither a whole number nor a name")
    digits = number["whole"].lstrip("0") or "0"
    return "-" + digits if number["sign"] == "-" and digits != "0" else digits


def label_order(names: Iterable[str]) -> tuple[str, ...]:
    """Return the distinct labels in index order.

    Whole numbers are in numeric order when all labels are; otherwise all are in the order of their
    characters, capitals before small letters.
    """
    distinct = sorted(set(names))
    if all(map(_CANONICAL.fullmatch, distinct)):
        distinct.sort(key=Decimal)  # unlike int, of any length
    return tuple(distinct)
