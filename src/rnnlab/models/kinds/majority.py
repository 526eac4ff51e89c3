"""The share of each class in training, whatever the text: what any model must beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnlab import options
from rnnlab.data.ragged import Ragged

SUMMARY = "class shares of the training part, whatever the text"
VERSION = 1
TASK = "classification"
TRAINED = False


class Options(options.Options):
    """The majority class has no settings."""


@dataclass(frozen=True)
class Majority:
    """Fitted class shares, float32[classes]."""

    shares: npt.NDArray[np.float32]

    @property
    def num_parameters(self) -> int:
        """One share a class."""
        return self.shares.size

    def probabilities(self, ragged: Ragged) -> npt.NDArray[np.float32]:
        """Return float32[n, classes], every row the same."""
        return np.tile(self.shares, (len(ragged), 1))

    def arrays(self) -> dict[str, Any]:
        """What `load` needs."""
        return {"shares": self.shares}


def fit(
    options: Options,
    ragged: Ragged,
    labels: npt.NDArray[np.int64],
    *,
    vocabulary_size: int,
    num_classes: int,
    class_weights: npt.NDArray[np.float32] | None,
) -> Majority:
    """Count the classes; class weights have no part in it."""
    counts = np.bincount(labels, minlength=num_classes)
    return Majority((counts / counts.sum()).astype(np.float32))


def load(arrays: dict[str, Any]) -> Majority:
    """Rebuild from `Majority.arrays`."""
    return Majority(arrays["shares"])
