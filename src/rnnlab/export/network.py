"""A neural classifier as ONNX operators.

Legend: B batch, T time, D embedding width, H state width, S directions, K = S·H, C outputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnlab.exceptions import UserError
from rnnlab.nn.cells import OnnxOperator
from rnnlab.onnx_graph import Graph
from rnnlab.registry import POOLINGS

_ACTIVATIONS = {"tanh": "Tanh", "relu": "Relu", "sigmoid": "Sigmoid"}


def scores(graph: Graph, model: Any, options: Any, tokens_BT: str, lengths_B: str) -> str:
    """Add a `rnnlab.models.classifier.Classifier`; its logits [B, C] are returned.

    Args:
        graph: to add to.
        model: the network.
        options: of its kind.
        tokens_BT, lengths_B: every sequence has at least one token.

    Raises:
        UserError: a cell or pooling has no form in ONNX.
    """
    table = graph.constant(model.embedding.weight.detach().numpy())
    mask_BT = token_mask(graph, tokens_BT, lengths_B)
    if model.encoder is None:
        outputs_BTK, final_BK = graph.apply("Gather", table, tokens_BT), ""
    else:
        tokens_TB = graph.apply("Transpose", tokens_BT, perm=[1, 0])
        inputs_TBD = graph.apply("Gather", table, tokens_TB)
        outputs_BTK, final_BK = _encode(graph, model.encoder, options, inputs_TBD, lengths_B)
    pooled = [
        _pool(graph, name, pool, (outputs_BTK, final_BK, mask_BT))
        for name, pool in zip(options.pooling, model.pooling, strict=True)
    ]
    features_BF = graph.apply("Concat", *pooled, axis=1)
    if model.activation is not None:
        features_BF = graph.apply(_ACTIVATIONS[model.activation], features_BF)
    if model.hidden is not None:
        features_BF = graph.apply("Relu", graph.linear(features_BF, model.hidden))
    return graph.linear(features_BF, model.head)


def token_mask(graph: Graph, tokens_BT: str, lengths_B: str) -> str:
    """Add bool[B, T], true at real tokens."""
    time = graph.apply("Shape", tokens_BT, start=1, end=2)
    scalar = graph.apply("Squeeze", time, graph.integers(0))
    zero, one = graph.constant(np.int64(0)), graph.constant(np.int64(1))
    position_T = graph.apply("Range", zero, scalar, one)
    return graph.apply("Less", position_T, graph.apply("Unsqueeze", lengths_B, graph.integers(1)))


def _encode(
    graph: Graph, encoder: Any, options: Any, layer_TBD: str, lengths_B: str
) -> tuple[str, str]:
    """Outputs [B, T, K] and final states [B, K] of the top layer."""
    cell = options.encoder.cell
    if not hasattr(cell.module, "onnx"):
        raise UserError(
            f"the cell '{cell.name}' has no operator in ONNX; rnn, lstm and gru have, and "
            "`rnnlab serve RUN` serves any model"
        )
    operator: OnnxOperator = cell.module.onnx(cell.options)
    lengths_B = graph.apply("Cast", lengths_B, to=6)  # int32, as the operators want it
    final_SBH = ""
    for layer in range(encoder.num_layers):
        each = [encoder.weights(layer, suffix) for suffix in encoder.suffixes]
        weights = [
            _stack(graph, operator, each, parts, encoder.hidden_size)
            for parts in ((0,), (1,), (2, 3))
        ]
        outputs_TSBH, final_SBH = graph.apply_many(
            operator.name,
            2,
            layer_TBD,
            *weights,
            lengths_B,
            hidden_size=encoder.hidden_size,
            direction="bidirectional" if len(each) > 1 else "forward",
            activations=list(operator.activations) * len(each),
            **operator.attributes,
        )
        outputs_TBSH = graph.apply("Transpose", outputs_TSBH, perm=[0, 2, 1, 3])
        layer_TBD = graph.apply("Reshape", outputs_TBSH, graph.integers(0, 0, -1))
    final_BSH = graph.apply("Transpose", final_SBH, perm=[1, 0, 2])
    final_BK = graph.apply("Reshape", final_BSH, graph.integers(0, -1))
    return graph.apply("Transpose", layer_TBD, perm=[1, 0, 2]), final_BK


def _stack(
    graph: Graph, operator: OnnxOperator, each: list[Any], parts: tuple[int, ...], hidden: int
) -> str:
    """Some of the tensors of all directions, gates in ONNX's order, one after the other."""
    directions = []
    for weights in each:
        arrays = [weights[part].detach().numpy() for part in parts]
        blocks = [array.reshape(-1, hidden, *array.shape[1:]) for array in arrays]
        ordered = [block[list(operator.gates)].reshape(-1, *block.shape[2:]) for block in blocks]
        directions.append(np.concatenate(ordered))
    return graph.constant(np.stack(directions))


def _pool(graph: Graph, name: str, pool: Any, inputs: tuple[str, str, str]) -> str:
    module = POOLINGS.load(name)
    if not hasattr(module, "onnx"):
        raise UserError(
            f"the pooling '{name}' has no form in ONNX: define `onnx` in its module "
            "(docs/extend.md); `rnnlab serve RUN` serves any model"
        )
    return module.onnx(graph, pool, *inputs)
