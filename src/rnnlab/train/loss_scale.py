"""The factor of the loss in half precision, so that small gradients do not vanish.

Source: Micikevicius et al. 2018 (arXiv:1710.03740), section 3.2, with dynamic scaling: halved when
a gradient overflows, doubled after many updates without.
"""

from __future__ import annotations

from dataclasses import dataclass

_PATIENCE = 2000


@dataclass
class LossScale:
    """The factor, and how many updates in a row have had finite gradients under it."""

    value: float = 2.0**16
    clean: int = 0

    def update(self, *, finite: bool) -> None:
        """Take note of one update's gradients."""
        if not finite:
            self.value, self.clean = self.value / 2, 0
        elif self.clean + 1 == _PATIENCE:
            self.value, self.clean = self.value * 2, 0
        else:
            self.clean += 1

    @property
    def is_spent(self) -> bool:
        """Whether gradients overflow even unscaled: the training has diverged."""
        return self.value < 1
