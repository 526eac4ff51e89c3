"""How trainings that share a machine share its cores.

A training claims its threads with a locked file in the cache; one that may choose takes the cores
that others have left. The lock goes with its process, whatever ends it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from rnnlab.data.download import cache_root
from rnnlab.environment import available_cores


def free_cores() -> int:
    """Cores that no other training of this user has claimed, at least one."""
    try:
        return max(1, available_cores() - sum(_living(_folder())))
    except OSError:  # the cache cannot be written: nobody can claim
        return available_cores()


@contextmanager
def claimed(threads: int) -> Iterator[None]:
    """Within it, trainings that choose their own number of threads leave so many cores."""
    try:
        lock = FileLock(_folder() / f"{threads}-{uuid.uuid4().hex}.claim")
        lock.acquire()
    except OSError:
        yield
        return
    try:
        yield
    finally:
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)


def _folder() -> Path:
    folder = cache_root() / "running"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _living(folder: Path) -> Iterator[int]:
    """Threads of each claim whose process holds its lock; the others are removed."""
    for path in folder.glob("*.claim"):
        try:
            with FileLock(path, timeout=0):
                path.unlink(missing_ok=True)
        except Timeout:
            yield int(path.name.partition("-")[0])
