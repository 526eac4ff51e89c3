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
    def onnx(options) -> OnnxOperator                 the operator of ONNX; without it no export

`x_BG` is the input times its weights plus its bias, `recurrent` is (weight_hh [GATES·H, H],
bias_hh), `weights` is (weight_ih [GATES·H, D], weight_hh, bias_ih, bias_hh), all laid out as in
torch.nn, and
`state` is a tuple of STATES tensors float[B, H]. `fused` runs torch's own operator over all T steps
of every column; its states after the first must be those at each column's last real step, and None
says that torch has no operator for these options.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor

from rnnlab.nn.native import Weights as Weights

State = tuple[Tensor, ...]


class OnnxOperator(NamedTuple):
    """A cell as ONNX has it.

    Attributes:
        name: of the operator.
        gates: for each of its blocks of weights in turn, which of ours it is.
        activations: of one direction.
        attributes: further ones.
    """

    name: str
    gates: tuple[int, ...]
    activations: tuple[str, ...]
    attributes: Mapping[str, Any] = {}
