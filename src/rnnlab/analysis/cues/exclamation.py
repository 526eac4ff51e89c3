"""An exclamation mark."""

from __future__ import annotations

SUMMARY = "an exclamation mark"
PATTERN = r"""!"""
