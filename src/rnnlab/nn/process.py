"""How this process uses the machine: threads of torch's kernels, and memory that is kept."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import torch

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -3, -4, -8
"""Names of glibc's mallopt."""


def use_machine(threads: int) -> None:
    """Set the threads of all kernels, and keep freed memory for the next step."""
    torch.set_num_threads(threads)
    _keep_memory()


def _keep_memory() -> None:
    """Where the C library is glibc, let freed memory stay with the process.

    Every step of a training allocates and frees the same large buffers. By default glibc returns
    them to the system each time, and the next step pays for fresh zeroed pages: a third of a step,
    and much more in an operator that allocates for every token. Kept, the process holds what it
    once needed until it ends.
    """
    mallopt = _mallopt()
    if mallopt is None:
        return
    mallopt(_MMAP_MAX, 0)
    mallopt(_TRIM_THRESHOLD, 2**31 - 1)


def leave_memory() -> None:
    """Undo it: return what is free to the system, and let glibc do with memory what it does by
    default.

    By default its thresholds grow with the buffers that a process frees, up to the two set here,
    and a process that trains is soon there.
    """
    mallopt = _mallopt()
    if mallopt is None:
        return
    mallopt(_MMAP_MAX, 65536)
    mallopt(_MMAP_THRESHOLD, 32 * 2**20)
    mallopt(_TRIM_THRESHOLD, 64 * 2**20)
    ctypes.CDLL(None).malloc_trim(0)


def share_memory() -> None:
    """Let threads that start from now on keep freed memory as the main one does.

    glibc gives every thread an arena of its own, which returns large buffers to the system whatever
    `use_machine` has set: a model that computes in another thread lost a fifth of its speed.
    """
    mallopt = _mallopt()
    if mallopt is not None:
        mallopt(_ARENA_MAX, 1)


def _mallopt() -> Any:
    """glibc's function; musl and other systems have none."""
    return getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
