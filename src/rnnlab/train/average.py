"""A running average of the parameters, which validation and the kept model then use.

Source: Polyak & Juditsky 1992, in the exponential form; the decay rises as (1 + step) / (10 + step)
at first, so that initial values are forgotten early.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential moving average of a model's trained parameters.

    Args:
        model: whose parameters are averaged, from their present values on.
        decay: share of the average that stays in each update.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.parameters: dict[str, Tensor] = {
            name: p for name, p in model.named_parameters() if p.requires_grad
        }
        self.averages = {name: p.detach().clone() for name, p in self.parameters.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the parameters after `step` updates."""
        decay = min(self.decay, (1 + step) / (10 + step))
        parameters = list(self.parameters.values())
        torch._foreach_lerp_(list(self.averages.values()), parameters, 1 - decay)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Within it, the model has the averages in place of its parameters."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def _exchange(self) -> None:
        for name, parameter in self.parameters.items():
            parameter.data, self.averages[name] = self.averages[name], parameter.data

    @torch.no_grad()
    def load_state_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over averages by the names of their parameters."""
        for name, average in self.averages.items():
            average.copy_(tensors[name])
