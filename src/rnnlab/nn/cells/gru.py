"""GRU, reset gate applied after the product. Source: Cho et al. 2014 (arXiv:1406.1078).

cuDNN's variant, gate order r, z, n, as torch.nn.GRU has it:
    n = tanh(W x + r ⊙ (U h + b));  h = (1 - z) ⊙ n + z ⊙ h.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rnnlab import options
from rnnlab.nn.cells import Weights

SUMMARY = "gated recurrent unit, reset after the product (torch's variant)"
VERSION = 1
GATES = 3


class Options(options.Options):
    """The GRU has no settings of its own."""


def unroll(x_TBD: Tensor, weights: Weights, options: Options) -> Tensor:
    """Run over all steps from a zero state; return outputs_TBH."""
    zero_1BH = x_TBD.new_zeros(1, x_TBD.shape[1], weights[1].shape[1])
    return torch.gru(x_TBD, zero_1BH, weights, True, 1, 0.0, torch.is_grad_enabled(), False, False)[
        0
    ]
