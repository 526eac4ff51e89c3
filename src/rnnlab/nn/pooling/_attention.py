"""What attentions share: a softmax over the energies of real tokens, and the weighted sum."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    """Weigh the outputs; a subclass says by what energy."""

    def energies(self, outputs_BTH: Tensor, final_BH: Tensor) -> Tensor:
        """Return float[B, T]."""
        raise NotImplementedError

    def weights(self, outputs_BTH: Tensor, final_BH: Tensor, mask_BT: Tensor) -> Tensor:
        """Return float[B, T]: zero at padding, with a sum of 1."""
        energy_BT = self.energies(outputs_BTH, final_BH)
        return torch.softmax(energy_BT.masked_fill(~mask_BT, -float("inf")), dim=1)

    def forward(self, outputs_BTH: Tensor, final_BH: Tensor, mask_BT: Tensor) -> Tensor:
        """Return float[B, H]."""
        weight_BT = self.weights(outputs_BTH, final_BH, mask_BT)
        return (weight_BT.unsqueeze(1) @ outputs_BTH).squeeze(1)
