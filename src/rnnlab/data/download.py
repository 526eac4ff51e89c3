"""Where raw files lie on this machine, and how a missing one gets here.

A file is looked for by name in the folder that `RNNLAB_DATA` names (a mirror kept by hand), then
among the downloads in the cache, and is fetched from its public address last. A download is
checked against its pinned hash and appears whole or not at all. Files of the mirror may be packed
again and are not hashed against the pin: the sources check facts of their members instead.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnlab.exceptions import UserError
from rnnlab.files import read_json, replacing, sha256_file, write_json

TIMEOUT_SECONDS = 30
_CHUNK_BYTES = 1 << 18


@dataclass(frozen=True)
class RemoteFile:
    """A public file.

    Attributes:
        name: its file name, here and in the mirror.
        url: its public address.
        known_hash: "sha256:HEX" or "md5:HEX" of the public file; None if none could be established,
            and then the facts that the source checks are all that vouches for it.
        terms: on what terms it may be used, in a few words.
    """

    name: str
    url: str
    known_hash: str | None
    terms: str


def cache_root() -> Path:
    """Folder for downloads and derived files: `RNNLAB_CACHE`, else the user's cache folder."""
    if chosen := os.environ.get("RNNLAB_CACHE"):
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_cache_dir("rnnlab", appauthor=False))


def downloads_folder() -> Path:
    """Folder in which fetched files are kept."""
    return cache_root() / "downloads"


def mirror_folder() -> Path | None:
    """Folder that `RNNLAB_DATA` names, or None where it is not set.

    Raises:
        UserError: it is set to something that is not a folder.
    """
    chosen = os.environ.get("RNNLAB_DATA")
    if not chosen:
        return None
    folder = Path(chosen).expanduser().absolute()
    if not folder.is_dir():
        raise UserError(f"RNNLAB_DATA is set to '{chosen}', which is not a folder: correct it")
    return folder


def find_by_name(name: str) -> Path | None:
    """Return the file of this name in the mirror or among the downloads, if there is one."""
    for folder in (mirror_folder(), downloads_folder()):
        if folder is not None and (folder / name).is_file():
            return folder / name
    return None


def found(file: RemoteFile) -> Path | None:
    """Return where the file lies on this machine, or None; fetches nothing."""
    return find_by_name(file.name)


def locate(file: RemoteFile, *, fetch: bool = True) -> Path:
    """Return where the file lies, fetching it if need be.

    Raises:
        UserError: it is absent and could not (or must not) be fetched, or what came is not it.
    """
    here = found(file)
    if here is not None:
        return here
    if not fetch:
        raise UserError(f"{file.name} is not on this machine: {where_to_put(file.name, file.url)}")
    return _download(file)


def where_to_put(name: str, url: str) -> str:
    """Say in one clause where a file is looked for and where it can be had."""
    return (
        f"put {name} into a folder and set RNNLAB_DATA to it, or into {downloads_folder()}; "
        f"its public address is {url}"
    )


def _download(file: RemoteFile) -> Path:
    import pooch

    target = downloads_folder() / file.name
    progress = _Progress(file.name)
    fetch = pooch.HTTPDownloader(
        progressbar=progress,  # pyright: ignore[reportArgumentType]  # more than tqdm will do
        chunk_size=_CHUNK_BYTES,
        timeout=TIMEOUT_SECONDS,
    )
    try:
        with replacing(target) as temporary:
            fetch(file.url, str(temporary), None)
            _check_hash(file, temporary)
    except OSError as error:  # every exception of requests is one too
        raise UserError(
            f"{file.name} could not be fetched ({_reason(error)}): "
            f"{where_to_put(file.name, file.url)}"
        ) from error
    finally:
        progress.close()
    return target


def _check_hash(file: RemoteFile, path: Path) -> None:
    import pooch

    if file.known_hash is None:
        return
    algorithm, _, expected = file.known_hash.partition(":")
    got = pooch.file_hash(str(path), alg=algorithm)
    if got != expected:
        raise UserError(
            f"{file.name} from {file.url} is not the expected file ({algorithm} {got}, expected "
            f"{expected}); nothing was kept: try again, or {where_to_put(file.name, file.url)}"
        )


def _reason(error: OSError) -> str:
    """The cause of a failed download in a few words, without the library's nested text."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return f"no answer within {TIMEOUT_SECONDS} s"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    if isinstance(error, requests.RequestException):
        return type(error).__name__
    return error.strerror or type(error).__name__


class _Progress:
    """What pooch wants of a progress bar, as one line on stderr that is written over."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.total = 0
        self._done = 0
        self._shown = -1

    def update(self, num_bytes: int) -> None:
        self._done += num_bytes
        percent = min(100, 100 * self._done // self.total) if self.total else 0
        terminal = sys.stderr.isatty()
        step = 1 if terminal else 25
        if percent // step == self._shown // step:
            return
        self._shown = percent
        line = f"fetching {self.name}: {percent} % of {self.total / 1e6:.1f} MB"
        print(f"\r{line}" if terminal else line, end="" if terminal else "\n", file=sys.stderr)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        if self._shown >= 0 and sys.stderr.isatty():
            print(file=sys.stderr)
        self._shown = -1


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, remembered in the cache by its path, size and time of change."""
    path = path.absolute()
    status = path.stat()
    identity = [status.st_size, status.st_mtime_ns]
    memo_path = cache_root() / "file-hashes.json"
    memo = _read_memo(memo_path)
    match memo.get(str(path)):
        case [size, changed, str(known)] if [size, changed] == identity and len(known) == 64:
            return known
    digest = sha256_file(path)
    memo[str(path)] = [*identity, digest]
    try:
        write_json(memo_path, memo)
    except OSError:
        return digest  # a cache that cannot be written only costs the time to hash again
    return digest


def _read_memo(path: Path) -> dict[str, Any]:
    try:
        memo = read_json(path)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError):
        return {}
    return memo if isinstance(memo, dict) else {}
