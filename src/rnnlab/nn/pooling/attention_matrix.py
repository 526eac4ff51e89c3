"""Attention by a learned bilinear form with the final state.

Source: Luong et al. 2015 (arXiv:1508.04025), eq. 8, score "general": energy_t = output_t W final.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from rnnlab.nn.pooling import _attention
from rnnlab.nn.pooling._onnx import attention, products
from rnnlab.onnx_graph import Graph

SUMMARY = "attention through a learned matrix with the final state, over real tokens"
VERSION = 1
NEEDS_ENCODER = True


class Attention(_attention.Attention):
    """Weigh each output by its similarity to a linear image of the final state."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.matrix = nn.Linear(size, size, bias=False)

    def energies(self, outputs_BTH: Tensor, final_BH: Tensor) -> Tensor:
        """Return float[B, T]."""
        return (outputs_BTH @ self.matrix(final_BH).unsqueeze(-1)).squeeze(-1)


def build(size: int) -> nn.Module:
    """Return the pooling, its matrix drawn from torch's global generator."""
    return Attention(size)


def onnx(graph: Graph, pool: Any, outputs_BTH: str, final_BH: str, mask_BT: str) -> str:
    """Add the pooling to a graph of ONNX."""
    energy_BT = products(graph, outputs_BTH, graph.linear(final_BH, pool.matrix))
    return attention(graph, energy_BT, outputs_BTH, mask_BT)
