"""Words that turn a statement round."""

from __future__ import annotations

SUMMARY = "not, never, nothing, n't and the like"
PATTERN = r"""(?i:
    \b(?: not | no | never | nothing | nobody | none | nowhere | neither | nor | cannot | without
        | hardly | scarcely | barely )\b
    | n['’]t\b
)"""
