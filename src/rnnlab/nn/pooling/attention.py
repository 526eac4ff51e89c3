"""Attention by dot product with the final state.

Source: Luong et al. 2015 (arXiv:1508.04025), eq. 8, score "dot": energy_t = output_t · final;
weights are a softmax over real tokens; the result is the weighted sum of outputs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

SUMMARY = "attention by dot product with the final state, over real tokens"
VERSION = 1
NEEDS_ENCODER = True


class Attention(nn.Module):
    """Weigh each output by its similarity to the final state."""

    def forward(self, outputs_BTH: Tensor, final_BH: Tensor, mask_BT: Tensor) -> Tensor:
        """Return float[B, H]."""
        energy_BT = (outputs_BTH @ final_BH.unsqueeze(-1)).squeeze(-1)
        energy_BT = energy_BT.masked_fill(~mask_BT, -float("inf"))
        weight_BT = torch.softmax(energy_BT, dim=1)
        return (weight_BT.unsqueeze(1) @ outputs_BTH).squeeze(1)


def build(size: int) -> nn.Module:
    """Return the pooling."""
    return Attention()
