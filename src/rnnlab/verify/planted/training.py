"""Bugs of training: what is averaged, what a checkpoint forgets."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from rnnlab.tasks.classification import Classification, LossSum, TextFeed
from rnnlab.train.fit import Fit
from rnnlab.verify.planted import Bug

_PRESET = "compositional-gru"
_USUAL_BATCH = 16.0


def _means_of_batches(sums: Any) -> Any:
    """Each batch gives its mean, whatever its size."""

    def planted(self: TextFeed, item: Any, loss: Any) -> tuple[float, ...]:
        nats, targets, hits, examples = sums(self, item, loss)
        return nats / targets, 1.0, hits / examples, 1.0

    return planted


def _usual_batch(objective: Any) -> Any:
    """The gradient is divided by the usual number of examples, not by those there are."""

    def planted(self: Classification, loss: LossSum) -> Tensor:
        return objective(self, loss) * loss.targets / _USUAL_BATCH

    return planted


def _forgets_the_sampler(restore: Any) -> Any:
    """A resumed epoch begins with its first batch."""

    def planted(self: Fit) -> None:
        restore(self)
        self.state.batch = 0

    return planted


def _forgets_the_optimizer(restore: Any) -> Any:
    """A resumed optimizer begins with zero moments."""

    def planted(self: Fit) -> None:
        restore(self)
        for tensor in self.optimizer.state_tensors().values():
            tensor.zero_()

    return planted


BUGS = [
    Bug("mean of batch means", "metrics", _PRESET, ((TextFeed, "sums", _means_of_batches),)),
    Bug(
        "accumulated gradients mis-weighted",
        "metrics",
        _PRESET,
        ((Classification, "objective", _usual_batch),),
    ),
    Bug(
        "resume forgets the sampler",
        "determinism",
        _PRESET,
        ((Fit, "_restore", _forgets_the_sampler),),
    ),
    Bug(
        "resume forgets the optimizer",
        "determinism",
        _PRESET,
        ((Fit, "_restore", _forgets_the_optimizer),),
    ),
]
