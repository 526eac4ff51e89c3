"""Courses of the learning rate, one module each.

A module defines

    SUMMARY: str                    one line for the docs
    VERSION: int                    raised when its numbers change
    class Options(rnnlab.options.Options)
    def factor(options, epoch, epochs, history) -> float

`epoch` is the exact position in epochs, from 0 (2.5 is half way through the third); `history` holds
the validation metric of each finished epoch, larger is better. The result multiplies the
optimizer's `lr`. A pure function, so that a resumed run needs no schedule state.
"""
