"""How this process uses the machine: threads of torch's kernels, and memory that is kept."""

from __future__ import annotations

import ctypes
import sys

import torch

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # names of glibc's mallopt


def use_machine(threads: int) -> None:
    """Set the threads of all kernels, and keep freed memory for the next step.

    Every step of a training allocates and frees the same large buffers. By default glibc returns
    them to the system each time, and the next step pays for fresh zeroed pages: up to a third of
    a step. The process then keeps what it once needed until it ends.
    """
    torch.set_num_threads(threads)
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
        if mallopt is not None:
            mallopt(_MMAP_MAX, 0)
            mallopt(_TRIM_THRESHOLD, 2**31 - 1)
