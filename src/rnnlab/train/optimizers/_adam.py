"""What Adam and AdamW share: two moments and a step count per parameter."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Any

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat
from torch import Tensor

from rnnlab import options
from rnnlab.nn import compiled, rows
from rnnlab.train.optimizers import _base

Beta = Annotated[float, Field(ge=0, lt=1)]


class Options(options.Options):
    """Settings of Adam and AdamW.

    Attributes:
        lr: learning rate.
        beta1: decay of the mean of gradients.
        beta2: decay of the mean of squared gradients.
        eps: added to the root in the denominator.
        weight_decay: see the module.
    """

    lr: PositiveFloat = 1e-3
    beta1: Beta = 0.9
    beta2: Beta = 0.999
    eps: PositiveFloat = 1e-8
    weight_decay: NonNegativeFloat = 0.0


class Optimizer(_base.Optimizer):
    """Both variants; a subclass names the kernel, and whether weight decay is an L2 term."""

    SLOTS = ("exp_avg", "exp_avg_sq")
    kernel: Any
    decay_is_l2: bool

    def __init__(self, named_parameters: Iterable[tuple[str, Tensor]], options: Any) -> None:
        super().__init__(named_parameters, options)
        self.state["steps"] = {
            name: torch.zeros((), device=p.device) for name, p in self.parameters.items()
        }

    def update(
        self,
        parameters: list[Tensor],
        gradients: list[Tensor],
        state: dict[str, list[Tensor]],
        lr: float,
    ) -> None:
        """One fused update."""
        torch._foreach_add_(state["steps"], 1)
        type(self).kernel(
            parameters,
            gradients,
            state["exp_avg"],
            state["exp_avg_sq"],
            [],
            state["steps"],
            lr=lr,
            beta1=self.options.beta1,
            beta2=self.options.beta2,
            weight_decay=self.options.weight_decay,
            eps=self.options.eps,
            amsgrad=False,
            maximize=False,
        )

    def update_rows(
        self, parameter: Tensor, gradient: Tensor, state: dict[str, Tensor], lr: float
    ) -> None:
        """The same update, without the gradient's many rows of zeros."""
        if not compiled.serves(parameter):
            return super().update_rows(parameter, gradient, state, lr)
        state["steps"] += 1
        options, step = self.options, float(state["steps"])
        rows.adam_rows(
            parameter,
            state["exp_avg"],
            state["exp_avg_sq"],
            gradient,
            step_size=lr / (1 - options.beta1**step),
            shrink=1.0 if self.decay_is_l2 else 1 - lr * options.weight_decay,
            l2=options.weight_decay if self.decay_is_l2 else 0.0,
            beta1=options.beta1,
            beta2=options.beta2,
            correction=math.sqrt(1 - options.beta2**step),
            eps=options.eps,
        )
        return None
