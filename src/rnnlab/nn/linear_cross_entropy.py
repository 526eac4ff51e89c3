"""Cross entropy of a linear layer over a large vocabulary, with one slab of logits at a time.

The gradient of a slab is formed while its probabilities are at hand, so that neither all logits nor
their gradient are ever held, and the softmax runs once instead of forward and backward.

Legend: N predictions, D features, V vocabulary.
"""

from __future__ import annotations

import ctypes
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from rnnlab.nn import compiled
from rnnlab.nn.products import product, weight_gradient

SLAB_NUMBERS = 1 << 23
"""Logits held at a time: 32 MiB in float32. Where the compiled kernel does not serve, torch's
softmax takes as much again."""


def linear_cross_entropy(
    features_ND: Tensor, weight_VD: Tensor, bias_V: Tensor, targets_N: Tensor
) -> Tensor:
    """Sum of -log softmax(features weight.T + bias)[target], in nats: a scalar; 0 of nothing."""
    if not torch.is_grad_enabled():
        weight_VD, bias_V = weight_VD.detach(), bias_V.detach()
    return _LinearCrossEntropy.apply(features_ND, weight_VD, bias_V, targets_N)  # type: ignore[return-value]


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, features_ND: Tensor, weight_VD: Tensor, bias_V: Tensor, targets_N: Tensor
    ) -> Tensor:
        rows = max(1, SLAB_NUMBERS // len(bias_V))
        if not len(features_ND):
            ctx.save_for_backward(*map(torch.zeros_like, (features_ND, weight_VD, bias_V)))
            return features_ND.new_zeros(())
        nats, on_features, on_parameters = [], [], None
        for start in range(0, len(features_ND), rows):
            slab_ND = features_ND[start : start + rows]
            targets = targets_N[start : start + rows].contiguous()
            nats_N, gradient_NV = _softmax(product(slab_ND, weight_VD), bias_V, targets)
            nats.append(nats_N.sum())
            if any(ctx.needs_input_grad):
                on_features.append(product(gradient_NV, weight_VD.T))
                on_parameters = weight_gradient(gradient_NV, slab_ND, onto=on_parameters)
            del gradient_NV  # before the next slab is made
        if on_parameters is not None:
            ctx.save_for_backward(torch.cat(on_features), *on_parameters)
        return torch.stack(nats).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        (gradient,) = gradients
        # in place: a second backward pass through the same graph is refused by torch
        return *(saved.mul_(gradient) for saved in ctx.saved_tensors), None


class _Call(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in ("rows", "classes", "threads")),
        *((name, ctypes.c_void_p) for name in ("targets", "bias", "logits", "nats", "team")),
    ]


def _softmax(logits_NV: Tensor, bias_V: Tensor, targets_N: Tensor) -> tuple[Tensor, Tensor]:
    """Nats of each row, and their gradient, from logits without their bias, which are used up."""
    if not compiled.serves(logits_NV):
        logits_NV += bias_V
        nats_N = F.cross_entropy(logits_NV, targets_N, reduction="none")
        gradient_NV = torch.softmax(logits_NV, dim=1)
        gradient_NV[torch.arange(len(targets_N), device=targets_N.device), targets_N] -= 1
        return nats_N, gradient_NV
    nats_N = logits_NV.new_empty(len(logits_NV))
    call = _Call(
        rows=len(logits_NV),
        classes=len(bias_V),
        targets=targets_N.data_ptr(),
        bias=bias_V.data_ptr(),
        logits=logits_NV.data_ptr(),
        nats=nats_N.data_ptr(),
    )
    if compiled.call("rnnlab_softmax", call, logits_NV):
        raise IndexError(f"a target is not within 0 and {len(bias_V) - 1}")
    return nats_N, logits_NV
