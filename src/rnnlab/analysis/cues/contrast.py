"""Words that set one statement against another."""

from __future__ import annotations

SUMMARY = "but, however, although, despite and the like"
PATTERN = r"""(?i:\b(?:
    but | however | although | though | yet | despite | in\s+spite\s+of | nevertheless
    | nonetheless | whereas | on\s+the\s+other\s+hand | even\s+so
)\b)"""
