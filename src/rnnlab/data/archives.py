"""Members of tar.gz and zip archives as bytes in memory, read with suspicion.

Nothing is ever written to disk. Regular files are yielded and folders passed over; a link, a
device, an absolute name, a name that leaves the archive's folder, a name that comes twice, and
sizes beyond the limits are refused. Limits hold for what is really decompressed, whatever the
archive declares.

The headers of a tar are read here, in one forward pass. `tarfile` needs three times as long for an
archive of 100,000 small members, remembers them all, takes a damaged header for the end, and in
its streaming mode does not check gzip's CRC.
"""

from __future__ import annotations

import gzip
import io
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

from rnnlab.exceptions import UserError

_BLOCK = 512
_BUFFER_BYTES = 1 << 18
_LONG_HEADER_BYTES = 1 << 20


@dataclass(frozen=True)
class Limits:
    """The most that an archive may hold."""

    num_members: int = 250_000
    member_bytes: int = 128 << 20
    total_bytes: int = 1 << 30


DEFAULT_LIMITS = Limits()


def iterate_tar(
    path: Path,
    wanted: Callable[[str], object] | None = None,
    *,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[tuple[str, bytes]]:
    """Yield (name, bytes) of the regular files of a tar.gz in archive order.

    Args:
        path: the archive.
        wanted: asked for each name; what it answers no to is checked and passed over. All by
            default.
        limits: the most that the archive may hold.

    Raises:
        UserError: the archive is damaged, cut short or not safe; the member is named. A reader
            that stops early has seen no more than the members up to there checked.
    """
    guard = _Guard(path, limits)
    try:
        with gzip.open(path) as unzipped, io.BufferedReader(unzipped, _BUFFER_BYTES) as stream:
            for raw_name, kind, num_bytes in _tar_headers(stream):
                is_file = kind in b"0\0"
                name = guard.admit(raw_name, num_bytes, is_file=is_file, is_folder=kind == b"5")
                data = _read_padded(stream, num_bytes) if is_file else b""
                if is_file and (wanted is None or wanted(name)):
                    yield name, data
            num_left = 0
            while chunk := stream.read(_BUFFER_BYTES):  # gzip checks its CRC at the very end
                num_left += len(chunk)
                guard.check_total(num_left)
    except (EOFError, zlib.error, OSError, ValueError) as error:
        guard.damaged(error)


def iterate_zip(
    path: Path,
    wanted: Callable[[str], object] | None = None,
    *,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[tuple[str, bytes]]:
    """Yield (name, bytes) of the regular files of a zip in archive order.

    Arguments and errors are those of `iterate_tar`.
    """
    guard = _Guard(path, limits)
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                is_folder = member.is_dir()
                mode = stat.S_IFMT(member.external_attr >> 16)
                is_file = not is_folder and mode in {0, stat.S_IFREG}
                name = guard.admit(
                    member.orig_filename, member.file_size, is_file=is_file, is_folder=is_folder
                )
                if is_file and (wanted is None or wanted(name)):
                    # `archive.read` would unpack all at once, whatever size is declared
                    with archive.open(member) as file:
                        data = file.read(member.file_size)
                    if len(data) != member.file_size:
                        raise EOFError(f"{name} is shorter than declared")
                    yield name, data
    except (zipfile.BadZipFile, EOFError, zlib.error, OSError, ValueError) as error:
        guard.damaged(error)
    except RuntimeError as error:  # encrypted, or an unknown compression
        raise UserError(f"{path} cannot be read ({error}): pack it again as a plain zip") from error


def _tar_headers(stream: BinaryIO) -> Iterator[tuple[str, bytes, int]]:
    """Yield (name, type flag, bytes that follow) until the block of zeros that ends a tar.

    The caller reads what follows a header before it asks for the next one. Long names are taken
    from the extra headers of GNU and POSIX (pax) tars.
    """
    long_name: bytes | None = None
    long_size: int | None = None
    while (header := _read_exactly(stream, _BLOCK)).count(0) != _BLOCK:
        checksum = header[148:156]
        # the checksum counts its own field as eight spaces
        if _octal(checksum) != sum(header) - sum(checksum) + 8 * ord(" "):
            raise ValueError("damaged header")
        name = header[:100].partition(b"\0")[0]
        kind = header[156:157]
        num_bytes = _octal(header[124:136])
        if header[257:263] == b"ustar\0" and header[345]:
            name = header[345:500].partition(b"\0")[0] + b"/" + name
        if kind in b"xgLK":
            if num_bytes > _LONG_HEADER_BYTES:
                raise ValueError(f"a header of {num_bytes:,} bytes")
            data = _read_padded(stream, num_bytes)
            if kind == b"L":
                long_name = data.rstrip(b"\0")
            elif kind == b"x":
                records = _pax_records(data)
                long_name = records.get(b"path")
                long_size = int(records[b"size"]) if b"size" in records else None
                if any(key.startswith(b"GNU.sparse") for key in records):
                    raise ValueError("a sparse file")
            continue
        name = name if long_name is None else long_name
        num_bytes = num_bytes if long_size is None else long_size
        long_name = long_size = None
        yield name.decode(), b"5" if name.endswith(b"/") else kind, num_bytes


def _pax_records(data: bytes) -> dict[bytes, bytes]:
    """The key=value records of an extra header; each begins with its own length."""
    records = {}
    while data:
        length = int(data.partition(b" ")[0])
        if not 0 < length <= len(data):
            raise ValueError("damaged header")
        key, _, value = data[:length].rstrip(b"\n").partition(b" ")[2].partition(b"=")
        records[key] = value
        data = data[length:]
    return records


def _octal(field: bytes) -> int:
    return int(field.strip(b" \0") or b"0", 8)


def _read_padded(stream: BinaryIO, num_bytes: int) -> bytes:
    return _read_exactly(stream, num_bytes + -num_bytes % _BLOCK)[:num_bytes]


def _read_exactly(stream: BinaryIO, num_bytes: int) -> bytes:
    data = stream.read(num_bytes)
    if len(data) != num_bytes:
        raise EOFError("unexpected end of data")
    return data


class _Guard:
    """Refuses members that an honest data archive does not have."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self.limits = limits
        self._names: set[str] = set()
        self._num_members = 0
        self._num_bytes = 0

    def admit(self, name: str, num_bytes: int, *, is_file: bool, is_folder: bool) -> str:
        """Check one member and return its name without a leading "./"."""
        self._num_members += 1
        if self._num_members > self.limits.num_members:
            self.refuse(f"holds more than {self.limits.num_members:,} members")
        if not (is_file or is_folder):
            self.refuse(f"holds '{name}', which is a link or a special file")
        parts = name.replace("\\", "/").split("/")
        if ".." in parts or parts[0] == "" or parts[0].endswith(":") or "\0" in name:
            self.refuse(f"holds '{name}', which leaves the archive's folder")
        if is_folder:
            return name
        name = name.removeprefix("./")
        if name in self._names:
            self.refuse(f"holds '{name}' twice")
        self._names.add(name)
        if not 0 <= num_bytes <= self.limits.member_bytes:
            self.refuse(f"holds '{name}' of {num_bytes:,} bytes, beyond what is read")
        self._num_bytes += num_bytes
        self.check_total(self._num_bytes)
        return name

    def check_total(self, num_bytes: int) -> None:
        """Refuse more bytes in all than the limit."""
        if num_bytes > self.limits.total_bytes:
            self.refuse(f"unpacks to more than {self.limits.total_bytes:,} bytes")

    def refuse(self, what: str) -> NoReturn:
        raise UserError(f"{self.path} {what}; it was not read on: get the archive anew")

    def damaged(self, error: Exception) -> NoReturn:
        if isinstance(error, OSError) and error.errno is not None:
            raise UserError(f"{self.path} cannot be read: {error.strerror}") from error
        detail = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"{self.path} is damaged or cut short ({detail}): delete it and fetch it again"
        ) from error
