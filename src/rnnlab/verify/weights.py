"""Random parameters of such a size that a difference would show."""

from __future__ import annotations

import math

import torch
from torch import nn

_BIAS_SCALE = 0.3


@torch.no_grad()
def draw(model: nn.Module, seed: int = 0) -> nn.Module:
    """Draw every parameter anew, the vector of padding included.

    Matrices keep the scale of what they multiply (normal, 1/√columns) and vectors of words are of
    unit scale, so that gates are neither shut nor open, outputs are of the order of 1 and every
    token moves them. With near-zero weights no check of equality could fail.
    """
    generator = torch.Generator().manual_seed(seed)
    tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    for parameter in model.parameters():
        scale = _BIAS_SCALE if parameter.dim() < 2 else 1 / math.sqrt(parameter.shape[-1])
        if id(parameter) in tables:
            scale = 1.0
        parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale)
    return model


@torch.no_grad()
def show_padding(model: nn.Module) -> nn.Module:
    """Give padding a vector as large as the others': a zero one would hide that it is read."""
    for module in model.modules():
        if isinstance(module, nn.Embedding) and module.padding_idx is not None:
            scale = module.weight.square().mean().sqrt()
            generator = torch.Generator().manual_seed(0)
            row = torch.randn(module.weight.shape[1], generator=generator)
            module.weight[module.padding_idx] = scale * row.to(module.weight)
    return model


def gradients(model: nn.Module, value: torch.Tensor) -> dict[str, torch.Tensor]:
    """Gradients of a value by the names of the trained parameters, as dense tensors."""
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    found = torch.autograd.grad(value, list(named.values()), allow_unused=True)
    return {
        name: torch.zeros_like(named[name]) if g is None else g.to_dense() if g.is_sparse else g
        for name, g in zip(named, found, strict=True)
    }
