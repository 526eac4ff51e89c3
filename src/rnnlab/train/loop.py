"""The training loop and nothing else: who logs, saves or evaluates does so between its yields."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from rnnlab.exceptions import Diverged
from rnnlab.train.loss_scale import LossScale
from rnnlab.train.optimizers._base import Optimizer

VERSION = 2


class StepInfo(NamedTuple):
    """One optimizer update that has just been done.

    Attributes:
        loss: what the task returned for the batch, as numbers: sums over it.
        gradient_norm: global norm before clipping.
        learning_rate: that was used.
    """

    loss: Any
    gradient_norm: float
    learning_rate: float


def gradient_values(parameters: Iterable[Tensor]) -> list[Tensor]:
    """The numbers of all gradients; of a sparse one, those of its rows."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    return [g._values() if g.is_sparse else g for g in gradients]


def gradient_norm(parameters: Iterable[Tensor]) -> Tensor:
    """Euclidean norm over all gradients, a scalar on their device."""
    values = gradient_values(parameters)
    if values and values[0].device.type == "cpu":  # a product is twice as fast as a norm
        flat = [value.flatten() for value in values]
        return torch.stack([torch.dot(each, each) for each in flat]).sum().sqrt()
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(values)))


def nats_per_target(loss: Any) -> Tensor:
    """The mean loss of a batch."""
    return loss.nats / loss.targets


def training_steps(
    model: nn.Module,
    loss_sum: Callable[[nn.Module, Any], Any],
    batches: Iterable[Any],
    optimizer: Optimizer,
    *,
    learning_rate: Callable[[], float],
    clip_norm: float | None,
    first_step: int,
    loss_scale: LossScale | None = None,
    objective: Callable[[Any], Tensor] = nats_per_target,
) -> Iterator[StepInfo]:
    """Yield a StepInfo after each update. Never logs, saves or evaluates.

    Args:
        model: in training mode.
        loss_sum: gives a batch's `nats`, and what `objective` needs.
        batches: those still to be done.
        optimizer: over the model's trainable parameters.
        learning_rate: asked before each update.
        clip_norm: gradients are scaled down to this global norm; None for no clipping.
        first_step: updates done before, for messages.
        loss_scale: of half precision; an update whose gradient overflows is left out.
        objective: of what `loss_sum` gave, that whose gradient is followed.

    Raises:
        Diverged: the gradient is not finite; parameters are as after the last update.
    """
    trained = list(optimizer.parameters.values())
    for step, batch in enumerate(batches, first_step):
        loss = loss_sum(model, batch)
        scale = 1.0 if loss_scale is None else loss_scale.value
        (scale * objective(loss)).backward()
        # the only point where the host waits for the device
        scalars = [value.detach().double() for value in (gradient_norm(trained), *loss)]
        norm, *sums = torch.stack(scalars).tolist()
        norm /= scale
        finite = math.isfinite(norm)
        if loss_scale is not None:
            loss_scale.update(finite=finite)
        if not finite and (loss_scale is None or loss_scale.is_spent):
            optimizer.zero_grad()
            raise Diverged(step, f"gradient norm is {norm}")
        rate = learning_rate()
        if finite:
            factor = 1 / scale
            if clip_norm and norm > clip_norm:
                factor *= clip_norm / (norm + 1e-6)
            if factor != 1:
                torch._foreach_mul_(gradient_values(trained), factor)
            optimizer.step(rate)
        optimizer.zero_grad()
        yield StepInfo(type(loss)(*sums), norm, rate)
