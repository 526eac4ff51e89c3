"""The encoder's final state, both directions concatenated."""

from __future__ import annotations

from torch import Tensor, nn

from rnnlab.onnx_graph import Graph

SUMMARY = "final state, at each sequence's own end"
VERSION = 1
NEEDS_ENCODER = True


class Final(nn.Module):
    """Hand the final state through."""

    def forward(self, outputs_BTH: Tensor, final_BH: Tensor, mask_BT: Tensor) -> Tensor:
        """Return final_BH."""
        return final_BH


def build(size: int) -> nn.Module:
    """Return the pooling."""
    return Final()


def onnx(graph: Graph, pool: nn.Module, outputs_BTH: str, final_BH: str, mask_BT: str) -> str:
    """Add the pooling to a graph of ONNX."""
    return final_BH
