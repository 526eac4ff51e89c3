"""Where the tokens of a text lie in it. Tokenizers tell strings; people read the text as it was."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from rnnlab.data.tokenizers import _breaks

Span = tuple[int, int]

_WORD_BEGIN = "▁"


def align(text: str, tokens: Sequence[str], *, html_breaks: bool = False) -> list[Span | None]:
    """First and last character (exclusive) of each token, or None where it cannot be found.

    Case and compatible forms of characters are folded. A token is looked for after the one before,
    with no letter or digit left out between them. Where a token is not as it stands in the text
    ("<unk>", quotes that are `` for a treebank), it gets what lies between its neighbours.

    Args:
        text: as it was given.
        tokens: of that text, in order.
        html_breaks: the tokenizer reads `<br />` as white space.
    """
    if html_breaks:
        text = _breaks.blanked(text)
    folded, origin = _fold(text)
    spans: list[Span | None] = []
    cursor, lost = 0, False
    for token in tokens:
        wanted, _ = _fold(token.removeprefix(_WORD_BEGIN))
        place = folded.find(wanted, cursor) if wanted else -1
        if place < 0 or (not lost and any(c.isalnum() for c in folded[cursor:place])):
            spans.append(None)
            lost = True
            continue
        cursor, lost = place + len(wanted), False
        spans.append((origin[place], origin[cursor - 1] + 1))
    return _fill_gaps(text, spans)


def _fold(text: str) -> tuple[str, list[int] | range]:
    """The text in one case and form, and the character that each of its characters is from."""
    if text.isascii():
        return text.lower(), range(len(text))
    parts = [unicodedata.normalize("NFKC", character).casefold() for character in text]
    return "".join(parts), [place for place, part in enumerate(parts) for _ in part]


def _fill_gaps(text: str, spans: list[Span | None]) -> list[Span | None]:
    """Give a token that was not found what stands between its neighbours, if both were."""
    filled = list(spans)
    for number, span in enumerate(spans):
        before = spans[number - 1] if number else (0, 0)
        after = spans[number + 1] if number + 1 < len(spans) else (len(text), len(text))
        if span is not None or before is None or after is None:
            continue
        between = text[before[1] : after[0]]
        if between.strip():
            first = before[1] + len(between) - len(between.lstrip())
            filled[number] = (first, first + len(between.strip()))
    return filled
