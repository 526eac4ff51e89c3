"""Phrases and marks that often go with sarcasm.

Weak cues: most sarcasm has none of them, and much that has them is meant as it stands.
"""

from __future__ import annotations

SUMMARY = 'oh great, yeah right, as if, "one" quoted word, ?! and the like'
PATTERN = r"""(?i:
    \byeah,?\s+right\b | \boh,?\s+(?: great | joy | wow | sure | boy | goody | please )\b
    | \bas\s+if\b | \bbig\s+surprise\b | \bwhat\s+a\s+surprise\b | \bgive\s+me\s+a\s+break\b
    | \bhow\s+(?: original | clever | exciting | convenient | nice )\b
    | \bthanks?\s+(?: a\s+lot | for\s+nothing )\b | \bso-called\b | \bi'?m\s+sure\b
    | ["“][\w'’-]+["”] | ``\s[\w'’-]+\s'' | \?! | !\? | \(!\)
)"""
