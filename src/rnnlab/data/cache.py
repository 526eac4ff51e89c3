"""Folders under the cache root that appear whole: made once, shared by every run."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from rnnlab.data.download import cache_root
from rnnlab.exceptions import UserError
from rnnlab.files import sync_directory


def cached_folder(kind: str, key: str, make: Callable[[Path], None]) -> Path:
    """Return `cache/kind/key`, first filling it through `make(temporary folder)` if it is missing.

    Only one process makes a folder; others wait for it.

    Raises:
        UserError: the cache root cannot be written; `RNNLAB_CACHE` is named as the remedy.
    """
    folder = cache_root() / kind / key
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f".{key}.lock"):
            if folder.is_dir():
                return folder
            temporary = Path(tempfile.mkdtemp(prefix=f".{key}.", dir=folder.parent))
            try:
                make(temporary)
                for path in temporary.iterdir():
                    with path.open("rb") as file:
                        os.fsync(file.fileno())
                temporary.rename(folder)
            except BaseException:
                shutil.rmtree(temporary, ignore_errors=True)
                raise
            sync_directory(folder.parent)
    except OSError as error:
        raise UserError(
            f"cannot write the cache {folder.parent}: {error.strerror or error}; "
            "make room, or set RNNLAB_CACHE to another folder"
        ) from error
    return folder
