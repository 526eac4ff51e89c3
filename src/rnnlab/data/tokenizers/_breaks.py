"""Line breaks of HTML, which tokenizers of reviews read as white space."""

from __future__ import annotations

import re

_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def without_breaks(text: str, space: str = " ") -> str:
    """Return the text with `<br>`, `<br />` and the like replaced by white space."""
    return _BREAK.sub(space, text) if "<" in text else text


def blanked(text: str, space: str = " ") -> str:
    """Return the text with white space in the place of such breaks, every other character where it
    was."""
    return _BREAK.sub(lambda match: space * len(match[0]), text) if "<" in text else text
