"""LSTM with forget gate. Source: Hochreiter & Schmidhuber 1997, Gers et al. 2000.

Gate order i, f, g, o, as torch.nn.LSTM has it:
    c = σ(f) ⊙ c + σ(i) ⊙ tanh(g);  h = σ(o) ⊙ tanh(c).
"""

from __future__ import annotations

import torch
from torch import Tensor

from rnnlab import options
from rnnlab.nn.cells import Weights

SUMMARY = "long short-term memory (torch's variant)"
VERSION = 1
GATES = 4


class Options(options.Options):
    """The LSTM has no settings of its own."""


def unroll(x_TBD: Tensor, weights: Weights, options: Options) -> Tensor:
    """Run over all steps from a zero state; return outputs_TBH."""
    zero_1BH = x_TBD.new_zeros(1, x_TBD.shape[1], weights[1].shape[1])
    state = (zero_1BH, zero_1BH)
    return torch.lstm(x_TBD, state, weights, True, 1, 0.0, torch.is_grad_enabled(), False, False)[0]
