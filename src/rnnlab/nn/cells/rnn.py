"""Simple recurrent network. Source: Elman 1990: h = act(W x + U h + b)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from rnnlab import options
from rnnlab.nn.cells import Weights

SUMMARY = "simple (Elman) recurrence, tanh or relu"
VERSION = 1
GATES = 1


class Options(options.Options):
    """Settings of the simple cell.

    Attributes:
        activation: of the state.
    """

    activation: Literal["tanh", "relu"] = "tanh"


def unroll(x_TBD: Tensor, weights: Weights, options: Options) -> Tensor:
    """Run over all steps from a zero state; return outputs_TBH."""
    zero_1BH = x_TBD.new_zeros(1, x_TBD.shape[1], weights[1].shape[1])
    run = torch.rnn_tanh if options.activation == "tanh" else torch.rnn_relu
    return run(x_TBD, zero_1BH, weights, True, 1, 0.0, torch.is_grad_enabled(), False, False)[0]
