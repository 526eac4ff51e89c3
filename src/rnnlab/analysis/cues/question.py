"""A question mark."""

from __future__ import annotations

SUMMARY = "a question mark"
PATTERN = r"""\?"""
