"""A word in capitals, of three letters or more; none is left where the data is lower case."""

from __future__ import annotations

SUMMARY = "a word of three capitals or more"
PATTERN = r"""\b[A-Z]{3,}\b"""
