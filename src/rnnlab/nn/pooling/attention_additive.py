"""Additive attention: a small network scores each output beside the final state.

Source: Bahdanau et al. 2015 (arXiv:1409.0473), appendix A.1.2:
energy_t = v · tanh(U output_t + W final + b).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rnnlab.nn.pooling import _attention
from rnnlab.nn.pooling._onnx import attention
from rnnlab.onnx_graph import Graph

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


def onnx(graph: Graph, pool: Any, outputs_BTH: str, final_BH: str, mask_BT: str) -> str:
    """Add the pooling to a graph of ONNX."""
    of_final_BH = graph.linear(final_BH, pool.of_final)
    of_final_B1H = graph.apply("Unsqueeze", of_final_BH, graph.integers(1))
    hidden_BTH = graph.apply("Add", graph.linear(outputs_BTH, pool.of_output), of_final_B1H)
    scored_BT1 = graph.linear(graph.apply("Tanh", hidden_BTH), pool.score)
    energy_BT = graph.apply("Squeeze", scored_BT1, graph.integers(2))
    return attention(graph, energy_BT, outputs_BTH, mask_BT)
