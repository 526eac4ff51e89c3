"""Weights of 8 bits, and what they cost on validation."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab.export.predictor import ONNXRUNTIME
from rnnlab.metrics import classification_metrics

_OPERATORS = ["MatMul", "LSTM", "Gather"]


def quantized(graph: bytes) -> bytes:
    """The graph with embeddings, matrices and LSTMs in 8 bits; what they are multiplied with is
    rounded to 8 bits as it comes ("dynamic").

    Unsigned weights: with signed ones, processors without VNNI saturate, and the result would
    depend on the machine. ONNX Runtime has no 8-bit GRU or RNN; their recurrence stays in float32.
    """
    import onnx

    tool = ONNXRUNTIME.load("quantization")
    with tempfile.TemporaryDirectory() as folder, _quiet():
        target = Path(folder) / "quantized.onnx"
        tool.quantize_dynamic(
            onnx.load_from_string(graph),
            target,
            op_types_to_quantize=_OPERATORS,
            weight_type=tool.QuantType.QUInt8,
        )
        return target.read_bytes()


def cost(
    labels: npt.NDArray[np.int64],
    names: tuple[str, ...],
    exact: npt.NDArray[np.float32],
    rounded: npt.NDArray[np.float32],
) -> dict[str, Any]:
    """What rounding changes on labelled texts.

    Args:
        labels: int64[n].
        names: of the classes.
        exact, rounded: probabilities float32[n, classes] before and after.

    Returns:
        `examples`; `accuracy` and `macro_f1` before and after (`float32`, `int8`) and by how many
        points accuracy fell (`accuracy_cost`); how many texts got another label (`changed`), of
        which `lost` were right before and `won` are right now; the largest change of a probability.
    """
    before = classification_metrics(labels, exact, names)
    after = classification_metrics(labels, rounded, names)
    old, new = exact.argmax(axis=1), rounded.argmax(axis=1)
    return {
        "examples": len(labels),
        "float32": before.figures(),
        "int8": after.figures(),
        "accuracy_cost": before.accuracy - after.accuracy,
        "changed": int(np.count_nonzero(old != new)),
        "lost": int(np.count_nonzero((old == labels) & (new != labels))),
        "won": int(np.count_nonzero((old != labels) & (new == labels))),
        "largest_change": float(np.abs(exact - rounded).max()),
    }


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the tool's advice to run another tool first, which changes nothing here."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
