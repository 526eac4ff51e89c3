"""Matrix products in the form that is fast on a CPU."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from rnnlab.nn import compiled

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


class _Gradient(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in ("tokens", "threads", "groups", "units", "width")),
        *((name, ctypes.c_int64) for name in ("columns", "adds", "left_stride", "right_stride")),
        *((name, ctypes.c_void_p) for name in ("left", "right", "places", "product", "sums")),
        ("team", ctypes.c_void_p),
    ]


def weight_gradient(
    grad_NG: Tensor,
    x_MD: Tensor,
    *,
    units: int | None = None,
    width: int | None = None,
    places_N: Tensor | None = None,
    onto: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Gradients of a weight matrix and a bias: grad.T @ x [K, D], and grad's sums over rows [K].

    Args:
        grad_NG: gradient of what they gave, for at least one token.
        x_MD: what the matrix multiplied.
        units: of each `width` columns of grad the first so many count, in K; None for all.
        width: which divides G.
        places_N: int64, the row of x that belongs to each token; None where each has its own.
        onto: both results, contiguous, to which these are added in place.
    """
    width = width or grad_NG.shape[1]
    units = units or width
    groups = grad_NG.shape[1] // width
    if not compiled.serves(grad_NG):
        grad_NK = grad_NG.unflatten(1, (groups, width))[..., :units].flatten(1)
        x_ND = x_MD if places_N is None else x_MD[places_N]
        if onto is None:
            return grad_NK.T @ x_ND, grad_NK.sum(0)
        return onto[0].addmm_(grad_NK.T, x_ND), onto[1].add_(grad_NK.sum(0))
    grad_NG, x_MD = (each if each.stride(1) == 1 else each.contiguous() for each in (grad_NG, x_MD))
    product_KD, sums_K = onto or (
        grad_NG.new_empty(groups * units, x_MD.shape[1]),
        grad_NG.new_empty(groups * units),
    )
    call = _Gradient(
        tokens=len(grad_NG),
        groups=groups,
        units=units,
        width=width,
        columns=x_MD.shape[1],
        adds=onto is not None,
        left_stride=grad_NG.stride(0),
        right_stride=x_MD.stride(0),
        left=grad_NG.data_ptr(),
        right=x_MD.data_ptr(),
        places=None if places_N is None else places_N.data_ptr(),
        product=product_KD.data_ptr(),
        sums=sums_K.data_ptr(),
    )
    if compiled.call("rnnlab_gradient", call, grad_NG):
        raise MemoryError("no memory for a block of a weight gradient's product")
    return product_KD, sums_K
