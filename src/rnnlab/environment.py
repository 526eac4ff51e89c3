"""What a run is done with: the time, the machine, the versions of what numbers depend on."""

from __future__ import annotations

import logging
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

import rnnlab

_LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn", "pyarrow", "safetensors")


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def quiet_log() -> Iterator[None]:
    """Within it the package's log says nothing but errors: for trainings that are no news."""
    log = logging.getLogger("rnnlab")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def library_versions() -> dict[str, str]:
    """Versions of Python, rnnlab and the libraries that numbers depend on."""
    found = {"python": platform.python_version(), "rnnlab": rnnlab.__version__}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> dict[str, str | int]:
    """What this process runs on."""
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": available_cores(),
        "system": platform.platform(),
    }


def peak_memory_bytes() -> int | None:
    """The most memory that this process has held at a time; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def keep_threads_awake() -> None:
    """Let the threads of torch's kernels wait awake for some milliseconds after a call, so that the
    next of several requests finds them so; then they sleep. It counts only before torch is
    imported.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000000")  # OpenMP of GNU; by default a third


def use_threads(count: int) -> None:
    """Set the threads of this process; see `rnnlab.nn.process`."""
    from rnnlab.nn.process import use_machine

    use_machine(count)
