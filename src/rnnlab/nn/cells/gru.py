"""Gated recurrent unit. Source: Cho et al. 2014 (arXiv:1406.1078), equations 5 to 8.

Gate order r, z, n, as torch.nn.GRU has it; h = (1 - z) ⊙ n + z ⊙ h. With act = tanh unless set
otherwise, the reset gate acts
    after the product, as in cuDNN and torch.nn.GRU:   n = act(W x + r ⊙ (U h + b));
    before it, as in the paper:                        n = act(W x + U (r ⊙ h) + b).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from rnnlab import options
from rnnlab.nn.cells import OnnxOperator, State, Weights
from rnnlab.nn.cells._activations import ACTIVATIONS, Activation
from rnnlab.nn.native import Kind

SUMMARY = "gated recurrent unit, reset after the product (torch's variant) or before it"
VERSION = 2
GATES = 3
STATES = 1


class Options(options.Options):
    """Settings of the GRU.

    Attributes:
        reset: whether the reset gate acts after or before the product with the recurrent matrix.
        activation: of the candidate; the gates stay sigmoid.
    """

    reset: Literal["after", "before"] = "after"
    activation: Activation = "tanh"


def step(x_BG: Tensor, state: State, recurrent: tuple[Tensor, Tensor], options: Options) -> State:
    """Advance one token."""
    (h_BH,) = state
    weight, bias = recurrent
    xr, xz, xn = x_BG.chunk(3, dim=-1)
    ur, uz, un = weight.chunk(3)
    br, bz, bn = bias.chunk(3)
    r = torch.sigmoid(xr + h_BH @ ur.T + br)
    z = torch.sigmoid(xz + h_BH @ uz.T + bz)  # z = 1 keeps the old state
    if options.reset == "after":
        inner = r * (h_BH @ un.T + bn)
    else:
        inner = (r * h_BH) @ un.T + bn
    n = ACTIVATIONS[options.activation](xn + inner)
    return ((1 - z) * n + z * h_BH,)


def kind(options: Options) -> Kind:
    """What the compiled kernel computes."""
    return Kind("gru" if options.reset == "after" else "gru_before", options.activation)


def fused(
    x_TBD: Tensor, weights: Weights, state: State, options: Options, padding_TB: Tensor | None
) -> tuple[Tensor, State] | None:
    """Run torch's operator over all steps."""
    if options.reset == "before" or options.activation != "tanh":
        return None
    hidden_1BH = state[0].unsqueeze(0)
    outputs_TBH, last_1BH = torch.gru(
        x_TBD, hidden_1BH, weights, True, 1, 0.0, torch.is_grad_enabled(), False, False
    )
    return outputs_TBH, (last_1BH[0],)


def onnx(options: Options) -> OnnxOperator:
    """ONNX's operator, whose gates are z, r, n."""
    after = {"linear_before_reset": int(options.reset == "after")}
    activations = ("Sigmoid", options.activation.capitalize())
    return OnnxOperator("GRU", (1, 0, 2), activations, after)
