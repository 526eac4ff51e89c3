"""Which examples share a batch, and in what order batches come."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

VERSION = 3

_BATCHES_PER_POOL = 256

Rows = npt.NDArray[np.int64]


def training_batches(
    lengths: npt.NDArray[np.int64],
    *,
    batch_size: int,
    seed: int,
    epoch: int,
    max_tokens: int | None = None,
) -> list[Rows]:
    """Return the rows of each batch of one epoch: a pure function of the arguments.

    Examples are shuffled, cut into pools of 256 batches, sorted by length within a pool and cut
    into batches, and the batches are shuffled: near lengths share a batch, so that little is
    padded, and no epoch repeats another's batches.

    Args:
        lengths: tokens per example, int64[n].
        batch_size: most examples in a batch.
        seed: of the run.
        epoch: counted from 0.
        max_tokens: most tokens in a batch, padding included; a longer example is a batch of its
            own. None for no limit.
    """
    generator = np.random.default_rng([seed, epoch])
    order = generator.permutation(len(lengths))
    pool_size = batch_size * _BATCHES_PER_POOL
    pool = np.arange(len(order)) // pool_size
    order = order[np.lexsort((lengths[order], pool))]
    if max_tokens is None:
        batches = np.split(order, np.arange(batch_size, len(order), batch_size))
    else:
        batches = []
        for start in range(0, len(order), pool_size):
            falling = order[start : start + pool_size][::-1]
            batches += _cut(falling, lengths[falling], max_tokens, batch_size)
    return [batches[i] for i in generator.permutation(len(batches))]


def evaluation_batches(lengths: npt.NDArray[np.int64], *, max_tokens: int) -> list[Rows]:
    """Return batches in order of length, each of at most `max_tokens` padded tokens.

    A single example longer than `max_tokens` is a batch of its own.
    """
    order = np.argsort(-lengths, kind="stable")
    return _cut(order, lengths[order], max_tokens, len(order))


def _cut(order: Rows, falling: npt.NDArray[np.int64], max_tokens: int, most: int) -> list[Rows]:
    """Cut rows of falling length into batches whose first, longest row bounds their number."""
    batches = []
    start = 0
    while start < len(order):
        rows = max(1, min(most, max_tokens // max(1, int(falling[start]))))
        batches.append(order[start : start + rows])
        start += rows
    return batches
