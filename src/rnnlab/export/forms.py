"""A fitted model as an ONNX graph, and what torch (or NumPy) says of the same token numbers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rnnlab.data.ragged import Ragged
from rnnlab.data.vocabulary import UNKNOWN
from rnnlab.exceptions import UserError
from rnnlab.export import linear, network
from rnnlab.models.kinds.majority import Majority
from rnnlab.models.linear import LinearModel
from rnnlab.onnx_graph import Graph
from rnnlab.predictor import Network, Predictor

Floats = npt.NDArray[np.float32]


class Answers(NamedTuple):
    """What a model says of texts.

    Attributes:
        scores: float32[n, outputs], before they become probabilities.
        probabilities: float32[n, classes].
    """

    scores: Floats
    probabilities: Floats


def graph_of(predictor: Predictor, metadata: dict[str, str]) -> bytes:
    """Return the ONNX file of a classifier.

    Any padding will do, and a text of length 0 is read as one unknown word.

    Raises:
        UserError: a part of it has no form in ONNX.
    """
    fitted, kind = predictor.fitted, predictor.kind
    graph = Graph()
    tokens_BT, lengths_B = _sequences(graph)
    if isinstance(fitted, Network):
        scores_BC = network.scores(graph, fitted.model, kind.options, tokens_BT, lengths_B)
        separate = False
    elif isinstance(fitted, LinearModel):
        scores_BC = linear.scores(graph, fitted, tokens_BT, lengths_B)
        separate = fitted.one_versus_rest
    elif isinstance(fitted, Majority):
        logs = graph.constant(_log_shares(fitted))
        texts = graph.apply("Shape", lengths_B)
        shape = graph.apply("Concat", texts, graph.integers(fitted.shares.size), axis=0)
        scores_BC, separate = graph.apply("Expand", logs, shape), False
    else:
        raise UserError(
            f"models of kind '{kind.name}' have no form in ONNX; `rnnlab serve RUN` serves any "
            "model"
        )
    is_shared = len(predictor.labels) == 2 and not isinstance(fitted, Majority)
    probabilities_BC = _probabilities(graph, scores_BC, is_shared, separate)
    return graph.serialize({"scores": scores_BC, "probabilities": probabilities_BC}, metadata)


def answers(predictor: Predictor, ragged: Ragged) -> Answers:
    """What the model itself says of sequences, in one batch."""
    fitted = predictor.fitted
    probabilities = fitted.probabilities(ragged)
    if isinstance(fitted, Network):
        import torch

        tokens_BT = torch.from_numpy(ragged.pad(np.arange(len(ragged))))
        with torch.inference_mode():
            scores = fitted.model.eval()(tokens_BT, torch.from_numpy(ragged.lengths)).numpy()
    elif isinstance(fitted, LinearModel):
        scores = fitted.features(ragged) @ fitted.coefficients.T + fitted.intercepts
    else:
        scores = np.log(probabilities)
    return Answers(scores, probabilities)


def _log_shares(fitted: Majority) -> Floats:
    return np.log(np.maximum(fitted.shares, np.finfo(np.float32).tiny))


def _sequences(graph: Graph) -> tuple[str, str]:
    """The inputs, with the unknown word at padding and one more step of it; lengths at least 1."""
    unknown = graph.constant(np.array([[UNKNOWN]], np.int64))
    mask_BT = network.token_mask(graph, "tokens", "lengths")
    tokens_BT = graph.apply("Where", mask_BT, "tokens", unknown)
    batch = graph.apply("Shape", "lengths")
    column = graph.apply("Concat", batch, graph.integers(1), axis=0)
    more_B1 = graph.apply("Expand", unknown, column)
    lengths_B = graph.apply("Max", "lengths", graph.constant(np.int64(1)))
    return graph.apply("Concat", tokens_BT, more_B1, axis=1), lengths_B


def _probabilities(graph: Graph, scores_BC: str, is_shared: bool, separate: bool) -> str:
    """Add what makes probabilities of scores; two classes may share one score."""
    if is_shared:  # not by Sigmoid, of which onnxruntime makes 0 and 1 beyond ±18
        half_B1 = graph.apply("Mul", scores_BC, graph.constant(np.float32(0.5)))
        both_BC = graph.apply("Concat", graph.apply("Neg", half_B1), half_B1, axis=1)
        return graph.apply("Softmax", both_BC, axis=1)
    if separate:
        yes_BC = graph.apply("Sigmoid", scores_BC)
        return graph.apply("Div", yes_BC, graph.apply("ReduceSum", yes_BC, graph.integers(1)))
    return graph.apply("Softmax", scores_BC, axis=1)
