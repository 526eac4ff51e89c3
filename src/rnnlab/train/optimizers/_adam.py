"""What Adam and AdamW share: two moments and a step count per parameter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat
from torch import Tensor

from rnnlab import options
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
    """Both variants; a subclass names the kernel."""

    SLOTS = ("exp_avg", "exp_avg_sq")
    kernel: Any

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
