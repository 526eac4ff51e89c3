"""What a training reads, batch by batch: all in which tasks differ for `rnnlab.train.fit`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor


class Feed(Protocol):
    """The training part, cut into batches, and what is carried from one to the next."""

    @property
    def epoch_tokens(self) -> int:
        """Real tokens of an epoch."""
        ...

    def batches(self, epoch: int) -> Sequence[Any]:
        """Return an item for each batch of an epoch (from 0): a pure function of the epoch."""
        ...

    def begin_epoch(self) -> None:
        """Called before the first batch of an epoch, but not where a resumed epoch goes on."""
        ...

    def collate(self, item: Any) -> Any:
        """The batch of an item, on the device."""
        ...

    def rate(self, item: Any) -> float:
        """Factor of the learning rate for an item's batch."""
        ...

    def tokens(self, item: Any) -> int:
        """Real tokens of an item's batch."""
        ...

    def sums(self, item: Any, loss: Any) -> tuple[float, ...]:
        """What is summed over an epoch, given what the loop yields for a batch; nats and targets
        come first."""
        ...

    def row(self, sums: Sequence[float]) -> dict[str, float]:
        """The columns of epochs.csv about the training part: `train_loss` and others."""
        ...

    def state_tensors(self) -> dict[str, Tensor]:
        """What is carried to the next batch, by name; part of every checkpoint."""
        ...

    def load_state_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over a state written by `state_tensors`."""
        ...


class Scores(Protocol):
    """What validation finds."""

    def figures(self) -> dict[str, float]:
        """The columns of epochs.csv about validation, without their prefix `val_`."""
        ...
