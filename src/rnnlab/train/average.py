"""Averages of the parameters, which validation and the kept model then use.

Source: Polyak & Juditsky 1992.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

log = logging.getLogger(__name__)

NON_MONOTONE_VERSION = 1


class Average:
    """An average of a model's trained parameters.

    Attributes:
        averages: by the names of their parameters; empty where the average has not begun.
        iterates: how many parameters of the past are in a plain mean.
    """

    def __init__(self, model: nn.Module) -> None:
        self.parameters: dict[str, Tensor] = {
            name: p for name, p in model.named_parameters() if p.requires_grad
        }
        self.averages: dict[str, Tensor] = {}
        self.iterates = 0

    def update(self, step: int) -> None:
        """Take in the parameters after `step` updates."""
        raise NotImplementedError

    def consider(self, history: Sequence[float]) -> None:
        """Decide after an epoch whether to begin.

        Args:
            history: the validation metric of each finished epoch, larger is better.
        """

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Within it, the model has the averages, if there are any, in place of its parameters."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def load(self, averages: Mapping[str, Tensor], iterates: int) -> None:
        """Take over averages by the names of their parameters, and the count of iterates."""
        self.averages = {
            name: torch.empty_like(parameter).copy_(averages[name])
            for name, parameter in self.parameters.items()  # in their order
            if averages
        }
        self.iterates = iterates

    def _exchange(self) -> None:
        for name in self.averages:
            parameter = self.parameters[name]
            parameter.data, self.averages[name] = self.averages[name], parameter.data

    def _begin(self) -> None:
        self.averages = {name: p.detach().clone() for name, p in self.parameters.items()}

    @torch.no_grad()
    def _approach(self, weight: float) -> None:
        """Move the averages towards the parameters by a share of the way."""
        parameters = list(self.parameters.values())
        torch._foreach_lerp_(list(self.averages.values()), parameters, weight)


class WeightAverage(Average):
    """Exponential moving average; its decay rises as (1 + step) / (10 + step) at first, so that
    initial values are forgotten early.

    Args:
        model: whose parameters are averaged, from their present values on.
        decay: share of the average that stays in each update.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__(model)
        self.decay = decay
        self._begin()

    def update(self, step: int) -> None:
        """Take in the parameters after `step` updates."""
        self._approach(1 - min(self.decay, (1 + step) / (10 + step)))


class NonMonotoneAverage(Average):
    """Plain mean of all parameters since validation stopped improving; with SGD this is NT-ASGD.

    Source: Merity et al. 2018 (arXiv:1708.02182), algorithm 1, with an epoch as the logging
    interval and the condition of its code: an epoch's metric is compared with the best of all
    epochs but the last `interval` before it.

    Args:
        model: whose parameters are averaged.
        interval: n, epochs during which validation need not improve.
    """

    def __init__(self, model: nn.Module, interval: int) -> None:
        super().__init__(model)
        self.interval = interval

    def consider(self, history: Sequence[float]) -> None:
        """Begin with the present parameters, once and for all, if validation has not improved."""
        if self.iterates or not has_stopped_improving(history, self.interval):
            return
        self._begin()
        self.iterates = 1
        log.info("validation stopped improving: parameters are averaged from here on")

    def update(self, step: int) -> None:
        """Take in the parameters, if the average has begun."""
        if not self.iterates:
            return
        self.iterates += 1
        self._approach(1 / self.iterates)


def has_stopped_improving(history: Sequence[float], interval: int) -> bool:
    """Whether the last value is worse than the best of those before it, the `interval` values
    right before it left out."""
    old = history[: -interval - 1]
    return bool(old) and history[-1] < max(old)
