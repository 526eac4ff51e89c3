"""Matrix products in the form that is fast on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor

_MANY_ROWS = 2048
_LARGE = 1 << 28
"""Multiplications."""


def product(x_NK: Tensor, weight_MK: Tensor) -> Tensor:
    """x @ weight.T, without a gradient of its own.

    Large ones by oneDNN, which writes code for each shape: a millisecond once, made up for by a
    product that is faster than MKL's where rows are many and columns few (docs/experiments.md).
    """
    if (
        x_NK.shape[0] * weight_MK.numel() >= _LARGE
        and x_NK.device.type == "cpu"
        and x_NK.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    ):
        return torch.ops.mkldnn._linear_pointwise(x_NK, weight_MK, None, "none", [], "")
    return x_NK @ weight_MK.T


def column_sums(x_NG: Tensor) -> Tensor:
    """Sum over rows, as a matrix product: some three times as fast as `sum` for many rows."""
    return (x_NG.new_ones(1, len(x_NG)) @ x_NG).squeeze(0)


def transposed_product(grad_NG: Tensor, x_ND: Tensor) -> Tensor:
    """grad.T @ x [G, D].

    With the factors exchanged MKL is a third faster, but the result has to be copied once it
    becomes a parameter's gradient, which costs more where rows are few.
    """
    if len(x_ND) < _MANY_ROWS:
        return grad_NG.T @ x_ND
    return (x_ND.T @ grad_NG).T
