"""Kinds of models, one module each.

A module defines

    SUMMARY: str                    one line for the docs
    VERSION: int                    raised when its numbers change
    TASK: str                       "classification" or "language_modeling"
    TRAINED: bool                   trained by gradient steps; otherwise fitted in one go
    class Options(rnnlab.options.Options)

A fitted kind also defines `fit` and `load`: see `majority` for the smallest example.
"""
