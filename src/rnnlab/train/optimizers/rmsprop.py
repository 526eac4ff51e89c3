"""RMSProp. Source: Tieleman & Hinton 2012, lecture 6.5; as torch.optim.RMSprop has it."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat
from torch import Tensor

from rnnlab import options
from rnnlab.train.optimizers import _base

SUMMARY = "gradients divided by a running root mean square"
VERSION = 1


class Options(options.Options):
    """Settings of RMSProp.

    Attributes:
        lr: learning rate.
        alpha: decay of the mean of squared gradients.
        eps: added to the root.
        weight_decay: L2 term in the gradient.
    """

    lr: PositiveFloat = 1e-3
    alpha: Annotated[float, Field(ge=0, lt=1)] = 0.99
    eps: PositiveFloat = 1e-8
    weight_decay: NonNegativeFloat = 0.0


class Optimizer(_base.Optimizer):
    """RMSProp."""

    SLOTS = ("square_avg",)

    def update(
        self,
        parameters: list[Tensor],
        gradients: list[Tensor],
        state: dict[str, list[Tensor]],
        lr: float,
    ) -> None:
        """p ← p − lr · g / (√s + eps), with s ← alpha · s + (1 − alpha) · g²."""
        if self.options.weight_decay:
            torch._foreach_add_(gradients, parameters, alpha=self.options.weight_decay)
        squares = state["square_avg"]
        torch._foreach_mul_(squares, self.options.alpha)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - self.options.alpha)
        roots = torch._foreach_sqrt(squares)
        torch._foreach_add_(roots, self.options.eps)
        torch._foreach_addcdiv_(parameters, gradients, list(roots), -lr)
