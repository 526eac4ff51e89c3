"""The mean of the outputs over real tokens."""

from __future__ import annotations

from torch import Tensor, nn

from rnnlab.nn.pooling._onnx import weighted_sum
from rnnlab.onnx_graph import Graph

SUMMARY = "mean over real tokens"
VERSION = 1
NEEDS_ENCODER = False


class Mean(nn.Module):
    """Average over time, padding left out."""

    def forward(self, outputs_BTH: Tensor, final_BH: Tensor, mask_BT: Tensor) -> Tensor:
        """Return float[B, H]."""
        weight_BT = mask_BT.to(outputs_BTH.dtype)
        weight_BT = weight_BT / weight_BT.sum(dim=1, keepdim=True)
        return (weight_BT.unsqueeze(1) @ outputs_BTH).squeeze(1)


def build(size: int) -> nn.Module:
    """Return the pooling."""
    return Mean()


def onnx(graph: Graph, pool: nn.Module, outputs_BTH: str, final_BH: str, mask_BT: str) -> str:
    """Add the pooling to a graph of ONNX."""
    weight_BT = graph.apply("CastLike", mask_BT, outputs_BTH)
    count_B1 = graph.apply("ReduceSum", weight_BT, graph.integers(1))
    return weighted_sum(graph, graph.apply("Div", weight_BT, count_B1), outputs_BTH)
