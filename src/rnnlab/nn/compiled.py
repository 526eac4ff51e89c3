"""The compiled kernels: found, loaded, and asked whether they serve a tensor.

Built from `kernels/` when the package is installed, where there is a C compiler; without them
torch's operators run. Loaded with ctypes, which releases the interpreter's lock.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


@functools.cache
def library() -> ctypes.CDLL | None:
    """The variant for this processor, or None where none was built."""
    capability = torch.backends.cpu.get_cpu_capability().lower()
    usable = {"avx512": ("avx512", "avx2"), "avx2": ("avx2",)}.get(capability, ("generic",))
    folder = Path(__file__).parent / "kernels"
    for path in (path for name in usable for path in sorted(folder.glob(f"_{name}.*.so"))):
        return ctypes.CDLL(str(path))
    return None


@functools.cache
def team() -> int | None:
    """Address of `GOMP_parallel` in the OpenMP library that torch has loaded, if it is found."""
    for path in sorted((Path(torch.__file__).parent / "lib").glob("lib*omp*")):
        try:
            return ctypes.cast(ctypes.CDLL(str(path)).GOMP_parallel, ctypes.c_void_p).value
        except (OSError, AttributeError):
            continue
    return None


def available() -> bool:
    """Whether the kernel was built and runs on this processor."""
    return library() is not None


def name() -> str:
    """The instruction set that it was built for, or "none"."""
    found = library()
    if found is None:
        return "none"
    return Path(found._name).name.split(".")[0].lstrip("_")


def serves(x: Tensor) -> bool:
    """Whether the kernel can run on this tensor: float32 or float64 in memory, no autocast."""
    return (
        x.device.type == "cpu"
        and x.dtype in (torch.float32, torch.float64)
        and not torch.is_autocast_enabled("cpu")
        and available()
    )


@contextmanager
def fading_to_zero() -> Iterator[None]:
    """Within it, torch's operators too take numbers below the smallest normal one for zero.

    Gradients over hundreds of steps fade into such numbers, on which x86 is some ten times slower.
    """
    found = library()
    assert found is not None
    threads = torch.get_num_threads()
    before = found.rnnlab_flush(ctypes.c_void_p(team()), ctypes.c_int64(threads))
    try:
        yield
    finally:
        found.rnnlab_set_mode(
            ctypes.c_void_p(team()), ctypes.c_int64(threads), ctypes.c_int64(before)
        )


def call(name: str, arguments: Any, like: Tensor) -> int:
    """Call a function of the library, in its variant for a tensor's type.

    Args:
        name: of the function, without its type.
        arguments: its structure; `threads` and `team` are filled in here.
        like: float32 or float64.
    """
    arguments.threads = torch.get_num_threads()
    arguments.team = team()
    function = getattr(library(), f"{name}_{'double' if like.dtype == torch.float64 else 'float'}")
    function.restype = ctypes.c_int64
    return function(ctypes.byref(arguments))
