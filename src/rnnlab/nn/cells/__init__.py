"""Recurrent cells, one module each.

A module defines

    SUMMARY: str                    one line for the docs
    VERSION: int                    raised when its numbers change
    GATES: int                      blocks of `hidden` rows in each weight matrix
    class Options(rnnlab.options.Options)
    def unroll(x_TBD, weights, options) -> outputs_TBH

`weights` is (weight_ih [GATES·H, D], weight_hh [GATES·H, H], bias_ih, bias_hh), laid out as in
torch.nn; the initial state is zero; every column runs over all T steps, since padding only ever
follows a sequence's own tokens.
"""

from __future__ import annotations

from torch import Tensor

Weights = tuple[Tensor, Tensor, Tensor, Tensor]
