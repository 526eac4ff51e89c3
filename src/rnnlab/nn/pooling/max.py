"""The maximum of the outputs over real tokens, feature by feature."""

from __future__ import annotations

from torch import Tensor, nn

SUMMARY = "maximum over real tokens"
VERSION = 1
NEEDS_ENCODER = False


class Max(nn.Module):
    """Maximum over time, padding left out."""

    def forward(self, outputs_BTH: Tensor, final_BH: Tensor, mask_BT: Tensor) -> Tensor:
        """Return float[B, H]."""
        hidden_BTH = outputs_BTH.masked_fill(~mask_BT.unsqueeze(-1), -float("inf"))
        return hidden_BTH.max(dim=1).values


def build(size: int) -> nn.Module:
    """Return the pooling."""
    return Max()
