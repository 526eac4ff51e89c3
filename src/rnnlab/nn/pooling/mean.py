"""The mean of the outputs over real tokens."""

from __future__ import annotations

from torch import Tensor, nn

SUMMARY = "mean over real tokens"
VERSION = 1
NEEDS_ENCODER = False


class Mean(nn.Module):
    """Average over time, padding left out."""

    def forward(self, outputs_BTH: Tensor, final_BH: Tensor, mask_BT: Tensor) -> Tensor:
        """Return float[B, H]."""
        weight_BT = mask_BT.to(outputs_BTH.dtype)
        weight_BT = weight_BT / weight_BT.sum(dim=1, keepdim=True)
        return (weight_BT.unsqueeze(1) @ outputs_BTH).squeeze(1)


def build(size: int) -> nn.Module:
    """Return the pooling."""
    return Mean()
