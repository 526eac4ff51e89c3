"""What several poolings add to a graph of ONNX."""

from __future__ import annotations

import numpy as np

from rnnlab.onnx_graph import Graph


def weighted_sum(graph: Graph, weight_BT: str, outputs_BTH: str) -> str:
    """Add the sum over time, [B, H]."""
    middle = graph.integers(1)
    sum_B1H = graph.apply("MatMul", graph.apply("Unsqueeze", weight_BT, middle), outputs_BTH)
    return graph.apply("Squeeze", sum_B1H, middle)


def products(graph: Graph, outputs_BTH: str, query_BH: str) -> str:
    """Add the product of every output with its text's query, [B, T]."""
    last = graph.integers(2)
    column_BH1 = graph.apply("Unsqueeze", query_BH, last)
    return graph.apply("Squeeze", graph.apply("MatMul", outputs_BTH, column_BH1), last)


def attention(graph: Graph, energy_BT: str, outputs_BTH: str, mask_BT: str) -> str:
    """Add a softmax over the energies of real tokens, and the weighted sum."""
    nothing = graph.constant(np.float32(-np.inf))
    weight_BT = graph.apply("Softmax", graph.apply("Where", mask_BT, energy_BT, nothing), axis=1)
    return weighted_sum(graph, weight_BT, outputs_BTH)
