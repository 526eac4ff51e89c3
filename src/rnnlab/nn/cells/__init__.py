"""Recurrent cells, one module each.

A module defines

    SUMMARY: str                    one line for the docs
    VERSION: int                    raised when its numbers change
    GATES: int                      blocks of `hidden` rows in each weight matrix
    STATES: int                     vectors that it carries; the first is its output
    class Options(rnnlab.options.Options)
    def step(x_BG, state, recurrent, options) -> state

and, where they exist, faster forms of the same recurrence:

    def kind(options) -> rnnlab.nn.native.Kind        what the compiled kernel computes
    def fused(x_TBD, weights, state, options, padding_TB) -> (outputs_TBH, state) | None

`x_BG` is the input times its weights plus its bias, `recurrent` is (weight_hh [GATES·H, H],
bias_hh), `weights` is (weight_ih [GATES·H, D], weight_hh, bias_ih, bias_hh), all laid out as in
torch.nn, and
`state` is a tuple of STATES tensors float[B, H]. `fused` runs torch's own operator over all T steps
of every column; its states after the first must be those at each column's last real step, and None
says that torch has no operator for these options.
"""

from __future__ import annotations

from torch import Tensor

from rnnlab.nn.native import Weights as Weights

State = tuple[Tensor, ...]
