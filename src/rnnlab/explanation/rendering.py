"""An explanation as people read it: the text with its words coloured and numbered, and a table.

Without colour the numbers say the same: great[+1.2].
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from rnnlab.data.tokenizers import _breaks
from rnnlab.display import shortened
from rnnlab.explanation.attribution import Explanation, Piece

if TYPE_CHECKING:
    from rich.text import Text

NUMBERED = 0.15
"""Of the largest contribution: smaller ones are coloured but not numbered."""

_FAINTEST = 0.05
_STYLES = {
    "for": ("black on #d5efd9", "black on #8fd3a0", "bold black on #3fae62"),
    "against": ("black on #fbdcd4", "black on #f4a58f", "bold black on #e0694a"),
    "weight": ("black on #dde8fb", "black on #a9c6f2", "bold black on #6b9be6"),
}

Direction = Literal["for", "against", "weight"]


def direction(piece: Piece, explanation: Explanation) -> Direction:
    """What a piece does; "weight" where contributions have no sign."""
    if not explanation.signed:
        return "weight"
    return "for" if piece.contribution >= 0 else "against"


def number(contribution: float, explanation: Explanation) -> str:
    """A contribution in few digits."""
    if not explanation.signed:
        return f"{contribution:.3f}".removeprefix("0")
    return f"{contribution:+.2f}"


def segments(explanation: Explanation) -> Iterator[tuple[str, Piece | None, float]]:
    """The text in order, line breaks of HTML as line ends: its pieces, each with the size of its
    contribution relative to the largest, and what lies between them.

    A piece whose place is not known stands alone, with spaces around it.
    """
    most = max(abs(piece.contribution) for piece in explanation.pieces) or 1.0
    cursor = 0
    for piece in explanation.pieces:
        size = abs(piece.contribution) / most
        if piece.start is None or piece.end is None:
            yield from ((" ", None, 0.0), (piece.text, piece, size), (" ", None, 0.0))
            continue
        if piece.start > cursor:
            between = explanation.text[cursor : piece.start]
            yield _breaks.without_breaks(between, "\n"), None, 0.0
        first = max(cursor, piece.start)  # two tokens may share a character, such as "…"
        yield explanation.text[first : piece.end], piece, size
        cursor = max(cursor, piece.end)
    if rest := explanation.text[cursor:]:
        yield _breaks.without_breaks(rest, "\n"), None, 0.0


def coloured(explanation: Explanation) -> Text:
    """The text for a terminal: pieces coloured by contribution, the large ones with numbers."""
    from rich.text import Text

    line = Text()
    for text, piece, size in segments(explanation):
        shown = "".join(c if c.isprintable() or c == "\n" else "�" for c in text)
        if piece is None:
            line.append(shown)
            continue
        styles = _STYLES[direction(piece, explanation)]
        line.append(shown, styles[min(2, int(size * 3))] if size >= _FAINTEST else "")
        if size >= NUMBERED:
            line.append(f"[{number(piece.contribution, explanation)}]", "dim")
    return line


def strongest(explanation: Explanation, count: int) -> list[tuple[str, ...]]:
    """Rows of a table: text and number of the strongest pieces, and beside them, where
    contributions have a sign, of the strongest against. Pieces of equal text are added up."""
    sums: dict[str, list[float]] = {}
    for piece in explanation.pieces:
        sums.setdefault(piece.text.casefold(), []).append(piece.contribution)
    totals = sorted(((sum(parts), name, len(parts)) for name, parts in sums.items()))
    sides = [[each for each in reversed(totals) if each[0] >= 0][:count]]
    if explanation.signed:
        sides.append([each for each in totals if each[0] < 0][:count])

    def cells(side: list[tuple[float, str, int]], place: int) -> tuple[str, str]:
        if place >= len(side):
            return "", ""
        total, name, times = side[place]
        text = shortened(name, 24) + (f" ×{times}" if times > 1 else "")
        return text, number(total, explanation)

    rows = range(max(map(len, sides)))
    return [tuple(cell for side in sides for cell in cells(side, place)) for place in rows]
