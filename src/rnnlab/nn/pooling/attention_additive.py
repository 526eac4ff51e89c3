"""Additive attention: a small network scores each output beside the final state.

Source: Bahdanau et al. 2015 (arXiv:1409.0473), appendix A.1.2:
energy_t = v · tanh(U output_t + W final + b).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnnlab.nn.pooling import _attention

SUMMARY = "attention by a one-layer network of output and final state, over real tokens"
VERSION = 1
NEEDS_ENCODER = True


class Attention(_attention.Attention):
    """Weigh each output by what a hidden layer makes of it and of the final state."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.of_output = nn.Linear(size, size, bias=False)
        self.of_final = nn.Linear(size, size)
        self.score = nn.Linear(size, 1, bias=False)

    def energies(self, outputs_BTH: Tensor, final_BH: Tensor) -> Tensor:
        """Return float[B, T]."""
        hidden_BTH = self.of_output(outputs_BTH) + self.of_final(final_BH).unsqueeze(1)
        return self.score(torch.tanh(hidden_BTH)).squeeze(-1)


def build(size: int) -> nn.Module:
    """Return the pooling, its weights drawn from torch's global generator."""
    return Attention(size)
