"""What is added to the loss of a language model for large and for restless activations.

Legend: B columns, T steps of a window, H width.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from rnnlab.models.language_model import Reading


class Penalties(NamedTuple):
    """Weights of what is added to the loss of a target for the top layer's activations.

    Each weighs a mean over all steps, columns and units. Source: Merity et al. 2017
    (arXiv:1708.01009), section 3; the scale is that of its code.

    Attributes:
        ar: of the squared outputs after dropout.
        tar: of the squared differences between neighbouring steps of a window, before dropout.
    """

    ar: float = 0.0
    tar: float = 0.0

    def of(self, reading: Reading) -> Tensor:
        """The penalty of a window, float32 or wider."""
        penalty = torch.zeros((), device=reading.outputs.device)
        if self.ar:
            penalty = penalty + self.ar * _widened(reading.dropped).square().mean()
        if self.tar and reading.outputs.shape[1] > 1:
            differences = _widened(reading.outputs).diff(dim=1)
            penalty = penalty + self.tar * differences.square().mean()
        return penalty


def _widened(x: Tensor) -> Tensor:
    """The same numbers in float32, where they are in half precision."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
