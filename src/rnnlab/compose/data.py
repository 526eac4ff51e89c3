"""The data set of a config."""

from __future__ import annotations

from rnnlab.config.schema import Config
from rnnlab.data.dataset import Dataset


def open_dataset(config: Config, learned: bytes | None) -> Dataset:
    """Open the data set that a config names; see `rnnlab.compose.dataset_of`."""
    cut, subset = config.data.validation, config.data.subset
    return Dataset(
        config.data.source,
        config.data.tokenizer,
        fraction=cut.fraction,
        by=cut.by,
        seed=cut.seed,
        learned=learned,
        fold=None if cut.fold is None else (cut.fold.number, cut.fold.of),
        subset=None if subset is None else (subset.fraction, subset.seed),
    )
