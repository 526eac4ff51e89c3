"""Which examples share a batch, and in what order batches come."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

VERSION = 1

_BATCHES_PER_POOL = 64


def training_batches(
    lengths: npt.NDArray[np.int64], *, batch_size: int, seed: int, epoch: int
) -> list[npt.NDArray[np.int64]]:
    """Return the rows of each batch of one epoch: a pure function of the arguments.

    Examples are shuffled, cut into pools of 64 batches, sorted by length within a pool and cut into
    batches, and the batches are shuffled: near lengths share a batch, so that little is padded,
    and no epoch repeats another's batches.

    Args:
        lengths: tokens per example, int64[n].
        batch_size: examples per batch.
        seed: of the run.
        epoch: counted from 0.
    """
    generator = np.random.default_rng([seed, epoch])
    order = generator.permutation(len(lengths))
    pool = np.arange(len(order)) // (batch_size * _BATCHES_PER_POOL)
    order = order[np.lexsort((lengths[order], pool))]
    batches = np.split(order, np.arange(batch_size, len(order), batch_size))
    return [batches[i] for i in generator.permutation(len(batches))]


def evaluation_batches(
    lengths: npt.NDArray[np.int64], *, max_tokens: int
) -> list[npt.NDArray[np.int64]]:
    """Return batches in order of length, each of at most `max_tokens` padded tokens.

    A single example longer than `max_tokens` is a batch of its own.
    """
    order = np.argsort(-lengths, kind="stable")
    batches = []
    start = 0
    while start < len(order):
        rows = max(1, max_tokens // max(1, int(lengths[order[start]])))
        batches.append(order[start : start + rows])
        start += rows
    return batches
