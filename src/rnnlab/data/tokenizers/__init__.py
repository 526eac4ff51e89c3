"""Tokenizers, one module each.

A module defines

    SUMMARY: str                    one line for the docs
    VERSION: int                    raised when its tokens change: cached tokens are then made anew
    class Options(rnnlab.options.Options)
    def build(options) -> Callable[[str], list[str]]
"""
