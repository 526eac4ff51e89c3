"""How this process uses the machine: threads of torch's kernels, and memory that is kept."""

from __future__ import annotations

import ctypes
import sys

import torch

# names and usual values of glibc's mallopt
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_MOST_MAPPED_BYTES, _MOST_MAPPINGS = 32 << 20, 65_536


def use_machine(threads: int) -> None:
    """Set the threads of all kernels, and keep freed memory for the next step."""
    torch.set_num_threads(threads)
    keep_memory(True)


def keep_memory(keep: bool) -> None:
    """Choose what becomes of freed memory; where the C library is not glibc, nothing.

    Every step of a training allocates and frees the same large buffers. By default glibc returns
    them to the system each time, and the next step pays for fresh zeroed pages: up to a third of
    a step. Kept, the process holds what it once needed until it ends. Not kept, it does as glibc
    does by itself once its moving threshold has reached its end.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:  # musl has none
        return
    mallopt(_MMAP_MAX, 0 if keep else _MOST_MAPPINGS)
    mallopt(_MMAP_THRESHOLD, _MOST_MAPPED_BYTES)
    mallopt(_TRIM_THRESHOLD, 2**31 - 1 if keep else 2 * _MOST_MAPPED_BYTES)
