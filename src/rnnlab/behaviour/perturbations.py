"""Changes of a text that should not change what a model says of it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

_VARIANTS = 3
_WORD = re.compile(r"[A-Za-z]{4,}")
_SHORT_FORMS = {
    "is not": "isn't",
    "was not": "wasn't",
    "are not": "aren't",
    "were not": "weren't",
    "do not": "don't",
    "does not": "doesn't",
    "did not": "didn't",
    "could not": "couldn't",
    "would not": "wouldn't",
    "should not": "shouldn't",
    "it is": "it's",
    "It is": "It's",
    "I am": "I'm",
    "I would": "I'd",
    "I have": "I've",
}
_LONG_OF_SHORT = {short: long for long, short in _SHORT_FORMS.items()}
_FORMS = re.compile(
    "|".join(rf"\b{re.escape(form)}\b" for form in (*_SHORT_FORMS, *_LONG_OF_SHORT))
)


def typo(text: str) -> list[str]:
    """Swap two neighbouring letters within a word of four letters or more, in up to three different
    ways; the same for the same text."""
    places = [
        place
        for word in _WORD.finditer(text)
        for place in range(word.start() + 1, word.end() - 2)
        if text[place] != text[place + 1]
    ]
    chosen = random.Random(text).sample(places, min(_VARIANTS, len(places)))
    return [text[:at] + text[at + 1] + text[at] + text[at + 2 :] for at in chosen]


def contraction(text: str) -> list[str]:
    """Shorten long forms ("is not") and lengthen short ones ("isn't"), all at once."""
    swaps = _SHORT_FORMS | _LONG_OF_SHORT
    changed = _FORMS.sub(lambda match: swaps[match[0]], text)
    return [changed] if changed != text else []


def capitals(text: str) -> list[str]:
    """The text in capitals."""
    return [text.upper()] if text != text.upper() else []


PERTURBATIONS: dict[str, Callable[[str], Sequence[str]]] = {
    "typo": typo,
    "contraction": contraction,
    "capitals": capitals,
}
