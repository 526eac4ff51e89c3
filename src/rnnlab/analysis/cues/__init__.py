"""Cues by which texts are sliced, one module each.

A module defines

    SUMMARY: str    one line for the docs and the page
    PATTERN: str    a regular expression; a text has the cue where it is found in it

White space in a pattern counts for nothing (`re.VERBOSE`): a space is `\\s`, and `#` begins a
comment. Patterns read the raw text and say themselves where case does not matter: `(?i:...)`.
"""
