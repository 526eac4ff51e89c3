"""Stochastic gradient descent with heavy-ball momentum, as torch.optim.SGD has it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat
from torch import Tensor

from rnnlab import options
from rnnlab.train.optimizers import _base

SUMMARY = "stochastic gradient descent, with momentum if wanted"
VERSION = 1


class Options(options.Options):
    """Settings of SGD.

    Attributes:
        lr: learning rate.
        momentum: share of the last update's direction that is kept.
        weight_decay: L2 term in the gradient.
    """

    lr: PositiveFloat = 0.1
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    weight_decay: NonNegativeFloat = 0.0


class Optimizer(_base.Optimizer):
    """SGD."""

    def __init__(self, named_parameters: Iterable[tuple[str, Tensor]], options: Any) -> None:
        self.SLOTS = ("momentum",) if options.momentum else ()
        super().__init__(named_parameters, options)

    def update(
        self,
        parameters: list[Tensor],
        gradients: list[Tensor],
        state: dict[str, list[Tensor]],
        lr: float,
    ) -> None:
        """p ← p − lr · v, with v ← momentum · v + gradient."""
        if self.options.weight_decay:
            torch._foreach_add_(gradients, parameters, alpha=self.options.weight_decay)
        if self.options.momentum:
            torch._foreach_mul_(state["momentum"], self.options.momentum)
            torch._foreach_add_(state["momentum"], gradients)
            gradients = state["momentum"]
        torch._foreach_add_(parameters, gradients, alpha=-lr)

    def update_rows(
        self, parameter: Tensor, gradient: Tensor, state: dict[str, Tensor], lr: float
    ) -> None:
        """Only the rows with a gradient move, unless decay or momentum moves the others."""
        if self.options.momentum or self.options.weight_decay:
            return super().update_rows(parameter, gradient, state, lr)
        parameter.index_add_(0, gradient._indices()[0], gradient._values(), alpha=-lr)
        return None
