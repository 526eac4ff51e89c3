"""How many runs go on at a time, and on what."""

from __future__ import annotations

from typing import NamedTuple

from rnnlab import compose
from rnnlab.claims import free_cores
from rnnlab.study.plan import Trial


class Resources(NamedTuple):
    """What a runner has.

    Attributes:
        workers: runs at a time.
        devices: GPUs; 0 for none.
    """

    workers: int
    devices: int


def share_out(trials: list[Trial], workers: int | None) -> Resources:
    """Share the cores that no other training has claimed, or the GPUs where there are any.

    Args:
        trials: what is to be run.
        workers: at a time, as asked for; None to choose: one a GPU, else as the cores allow.

    Raises:
        UserError: a run names a device that is not there.
    """
    trained = [trial.config for trial in trials if trial.config.model.module.TRAINED]
    devices = [compose.resolve_device(name) for name in {config.device for config in trained}]
    gpus = 0
    if "cuda" in devices:
        import torch

        gpus = torch.cuda.device_count()
    threads = max((config.threads or 1 for config in trained), default=1)
    return Resources(workers or gpus or max(1, free_cores() // threads), gpus)
