"""Words that measure one thing by another."""

from __future__ import annotations

SUMMARY = "than, better, worse, as ... as, compared with, unlike"
PATTERN = r"""(?i:\b(?:
    than | better | worse | as\s+\w+\s+as | compared\s+(?:to|with) | in\s+comparison
    | comparable | superior\s+to | inferior\s+to | similar\s+to | unlike
)\b)"""
