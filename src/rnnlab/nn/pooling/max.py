"""The maximum of the outputs over real tokens, feature by feature."""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from rnnlab.onnx_graph import Graph

SUMMARY = "maximum over real tokens"
VERSION = 1
NEEDS_ENCODER = False


class Max(nn.Module):
    """Maximum over time, padding left out."""

    def forward(self, outputs_BTH: Tensor, final_BH: Tensor, mask_BT: Tensor) -> Tensor:
        """Return float[B, H]."""
        hidden_BTH = outputs_BTH.masked_fill(~mask_BT.unsqueeze(-1), -float("inf"))
        return hidden_BTH.max(dim=1).values


def build(size: int) -> nn.Module:
    """Return the pooling."""
    return Max()


def onnx(graph: Graph, pool: nn.Module, outputs_BTH: str, final_BH: str, mask_BT: str) -> str:
    """Add the pooling to a graph of ONNX."""
    nothing = graph.constant(np.float32(-np.inf))
    kept_BT1 = graph.apply("Unsqueeze", mask_BT, graph.integers(2))
    hidden_BTH = graph.apply("Where", kept_BT1, outputs_BTH, nothing)
    return graph.apply("ReduceMax", hidden_BTH, graph.integers(1), keepdims=0)
