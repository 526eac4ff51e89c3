"""An explanation as a page of its own."""

from __future__ import annotations

from pathlib import Path

from rnnlab import pages
from rnnlab.explanation import rendering
from rnnlab.explanation.attribution import Explanation

_COLOURS = {"for": "--for", "against": "--against", "weight": "--weight"}
_LISTED = 15


def write_page(explanation: Explanation, path: Path, model: str) -> None:
    """Write a self-contained HTML page.

    Args:
        explanation: what it shows.
        path: the file.
        model: what the model is called.
    """
    pages.write_page(
        path,
        "explanation.html",
        title=f"{explanation.label}: {model}",
        model=model,
        explanation=explanation,
        total=explanation.total,
        segments=_segments(explanation),
        strongest=rendering.strongest(explanation, _LISTED),
    )


def _segments(explanation: Explanation) -> list[tuple[str, str | None, str, str]]:
    """Text, background (None for what is no piece), number if it is large, and tooltip."""
    shown = []
    for text, piece, share in rendering.segments(explanation):
        if piece is None:
            shown.append((text, None, "", ""))
            continue
        colour = _COLOURS[rendering.direction(piece, explanation)]
        number = rendering.number(piece.contribution, explanation)
        unknown = "" if piece.known is not False else ", unknown to the model"
        written = number if share >= rendering.NUMBERED else ""
        shown.append((text, f"rgba(var({colour}), {share:.2f})", written, number + unknown))
    return shown
