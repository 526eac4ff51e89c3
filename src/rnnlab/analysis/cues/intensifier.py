"""Words that make others stronger."""

from __future__ import annotations

SUMMARY = "very, really, extremely, absolutely and the like"
PATTERN = r"""(?i:\b(?:
    very | really | extremely | absolutely | totally | completely | utterly | incredibly | highly
    | truly | thoroughly | entirely | deeply | especially | particularly | insanely | awfully
    | terribly
)\b)"""
