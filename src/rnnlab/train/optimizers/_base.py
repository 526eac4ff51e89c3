"""What optimizers share: named parameters and named state tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor


class Optimizer:
    """Updates parameters in place from their gradients.

    Args:
        named_parameters: those to train.
        options: the optimizer's settings.

    Attributes:
        state: for each slot ("exp_avg") a tensor per parameter; all that a resume needs.
    """

    SLOTS: tuple[str, ...] = ()

    def __init__(self, named_parameters: Iterable[tuple[str, Tensor]], options: Any) -> None:
        self.parameters = dict(named_parameters)
        self.options = options
        self.state: dict[str, dict[str, Tensor]] = {
            slot: {name: torch.zeros_like(p) for name, p in self.parameters.items()}
            for slot in self.SLOTS
        }

    def step(self, lr: float) -> None:
        """Apply one update with learning rate `lr`; parameters without a gradient stay."""
        gradients = {name: p.grad for name, p in self.parameters.items() if p.grad is not None}
        sparse = [name for name, gradient in gradients.items() if gradient.is_sparse]
        dense = [name for name in gradients if name not in sparse]
        with torch.no_grad():
            if dense:
                self.update(
                    [self.parameters[name] for name in dense],
                    [gradients[name] for name in dense],
                    {slot: [tensors[n] for n in dense] for slot, tensors in self.state.items()},
                    lr,
                )
            for name in sparse:
                state = {slot: tensors[name] for slot, tensors in self.state.items()}
                self.update_rows(self.parameters[name], gradients[name], state, lr)

    def update(
        self,
        parameters: list[Tensor],
        gradients: list[Tensor],
        state: dict[str, list[Tensor]],
        lr: float,
    ) -> None:
        """Change `parameters` and `state` in place."""
        raise NotImplementedError

    def update_rows(
        self, parameter: Tensor, gradient: Tensor, state: dict[str, Tensor], lr: float
    ) -> None:
        """Change one parameter and its state in place, from a sparse gradient of distinct rows."""
        slots = {slot: [tensor] for slot, tensor in state.items()}
        self.update([parameter], [gradient.to_dense()], slots, lr)

    def zero_grad(self) -> None:
        """Drop all gradients."""
        for parameter in self.parameters.values():
            parameter.grad = None

    def state_tensors(self) -> dict[str, Tensor]:
        """The state as one flat mapping "slot/parameter" to tensor."""
        return {
            f"{slot}/{name}": tensor
            for slot, tensors in self.state.items()
            for name, tensor in tensors.items()
        }

    def load_state_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over a state written by `state_tensors`."""
        for key, tensor in self.state_tensors().items():
            tensor.copy_(tensors[key])
