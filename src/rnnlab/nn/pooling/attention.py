"""Attention by dot product with the final state.

Source: Luong et al. 2015 (arXiv:1508.04025), eq. 8, score "dot": energy_t = output_t · final;
weights are a softmax over real tokens; the result is the weighted sum of outputs.
"""

from __future__ import annotations

from torch import Tensor, nn

from rnnlab.nn.pooling import _attention
from rnnlab.nn.pooling._onnx import attention, products
from rnnlab.onnx_graph import Graph

SUMMARY = "attention by dot product with the final state, over real tokens"
VERSION = 1
NEEDS_ENCODER = True


class Attention(_attention.Attention):
    """Weigh each output by its similarity to the final state."""

    def energies(self, outputs_BTH: Tensor, final_BH: Tensor) -> Tensor:
        """Return float[B, T]."""
        return (outputs_BTH @ final_BH.unsqueeze(-1)).squeeze(-1)


def build(size: int) -> nn.Module:
    """Return the pooling."""
    return Attention()


def onnx(graph: Graph, pool: nn.Module, outputs_BTH: str, final_BH: str, mask_BT: str) -> str:
    """Add the pooling to a graph of ONNX."""
    energy_BT = products(graph, outputs_BTH, final_BH)
    return attention(graph, energy_BT, outputs_BTH, mask_BT)
