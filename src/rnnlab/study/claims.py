"""Which runner is at which run: claims in SQLite, so that several runners can share a study.

A claim is alive while its runner is. On the same machine that is seen at once, from the process;
elsewhere from a heartbeat that is too old. The file holds who is at which run, and nothing else
that is not in the run directories: where it is deleted, the next runner makes it anew.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rnnlab.exceptions import UserError

log = logging.getLogger(__name__)

BEAT_SECONDS = 5.0
STALE_SECONDS = 60.0
_BUSY_SECONDS = 30.0

_TABLE = """
CREATE TABLE IF NOT EXISTS claims (
    trial TEXT PRIMARY KEY,
    runner TEXT,               -- who is at it; NULL once it was given back
    host TEXT, pid INTEGER, born TEXT,
    heartbeat REAL,
    claimed INTEGER NOT NULL,  -- how often it was claimed in all
    reclaimed INTEGER NOT NULL -- how often of a runner that was dead
)
"""


@dataclass(frozen=True)
class Runner:
    """A process that hands out runs.

    Attributes:
        id: unique.
        host: the machine, and the space of its process numbers.
        pid: process number there.
        born: when the process began, so that a number that is used again is not taken for it.
    """

    id: str
    host: str
    pid: int
    born: str

    @staticmethod
    def of_this_process() -> Runner:
        """This process, under a new id."""
        return Runner(uuid.uuid4().hex, _host(), os.getpid(), _born(os.getpid()))


class Claims:
    """The claims of a study.

    Args:
        path: the database; made where there is none.
        runner: who claims.

    Raises:
        UserError: the file cannot be written.
    """

    def __init__(self, path: Path, runner: Runner) -> None:
        self._path, self._runner = path, runner
        self._last_beat = 0.0
        try:
            with self._transaction():
                pass
        except sqlite3.DatabaseError:
            damaged = path.with_name(f"{path.name}.damaged")
            path.replace(damaged)
            log.warning("%s was damaged and is made anew (kept as %s)", path, damaged.name)
            with self._transaction():
                pass

    def claim(self, trials: Sequence[str], is_wanted: Callable[[str], bool]) -> str | None:
        """Claim the first trial that nobody living is at and that is wanted; None if there is none.

        Args:
            trials: to choose from.
            is_wanted: asked while no other runner can claim, so that a run which another one has
                just finished is seen to be.
        """
        with self._transaction() as database:
            taken = {row[0]: row[1:] for row in database.execute(f"SELECT {_COLUMNS} FROM claims")}
            for trial in trials:
                holder = taken.get(trial)
                is_held = holder is not None and holder[0] is not None
                if (holder and is_held and _is_alive(*holder)) or not is_wanted(trial):
                    continue
                if is_held:
                    log.info("taking over %s from a runner that is gone", trial)
                self._insert(database, trial, reclaimed=int(is_held))
                return trial
        return None

    def release(self, trial: str) -> None:
        """Give a trial back."""
        with self._transaction() as database:
            database.execute(
                "UPDATE claims SET runner = NULL WHERE trial = ? AND runner = ?",
                (trial, self._runner.id),
            )

    def beat(self, held: Sequence[str]) -> None:
        """Show that this runner is alive and at these trials, if it is time to."""
        now = time.monotonic()
        if now - self._last_beat < BEAT_SECONDS:
            return
        self._last_beat = now
        with self._transaction() as database:
            known = {row[0] for row in database.execute("SELECT trial FROM claims")}
            for trial in held:
                if trial not in known:  # the file was deleted meanwhile
                    self._insert(database, trial, reclaimed=0)
            database.execute(
                "UPDATE claims SET heartbeat = ? WHERE runner = ?", (time.time(), self._runner.id)
            )

    def held(self) -> set[str]:
        """Trials that a living runner is at."""
        with self._transaction() as database:
            rows = list(database.execute(f"SELECT {_COLUMNS} FROM claims WHERE runner NOT NULL"))
        return {row[0] for row in rows if _is_alive(*row[1:])}

    def _insert(self, database: sqlite3.Connection, trial: str, *, reclaimed: int) -> None:
        runner = self._runner
        database.execute(
            "INSERT INTO claims VALUES (?, ?, ?, ?, ?, ?, 1, 0) ON CONFLICT (trial) DO UPDATE SET "
            "runner = excluded.runner, host = excluded.host, pid = excluded.pid, "
            "born = excluded.born, heartbeat = excluded.heartbeat, "
            "claimed = claimed + 1, reclaimed = reclaimed + ?",
            (trial, runner.id, runner.host, runner.pid, runner.born, time.time(), reclaimed),
        )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection with the write lock held: what is read is true until it is written."""
        try:
            database = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)
            with closing(database):
                database.execute("PRAGMA journal_mode = DELETE")
                database.execute("PRAGMA synchronous = FULL")
                database.execute("BEGIN IMMEDIATE")
                try:
                    database.execute(_TABLE)
                    yield database
                except BaseException:
                    with contextlib.suppress(sqlite3.Error):
                        database.execute("ROLLBACK")
                    raise
                database.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise UserError(
                f"{self._path}: cannot be written ({error}); make room or give write access, and "
                "give the same command again: finished runs are kept"
            ) from error


_COLUMNS = "trial, runner, host, pid, born, heartbeat"


def _is_alive(runner: str, host: str, pid: int, born: str, heartbeat: float) -> bool:
    if host == _host():
        return _born(pid) == born != ""
    return time.time() - heartbeat < STALE_SECONDS


def _host() -> str:
    """This machine since its start, and the space of its process numbers."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)


def _born(pid: int) -> str:
    """When a process began; empty where there is none."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        if Path("/proc/self/stat").exists():
            return ""
        return _signalled(pid)
    fields = status.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def _signalled(pid: int) -> str:
    """Where there is no /proc: whether there is a process of that number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "alive"
