"""A worker as its runner sees it: a process that is given one run after the other."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

from rnnlab.study.plan import Trial

_RETIRE_SECONDS = 20.0
"""A process that has trained for so long is not given another run: each long run has a process of
its own, with its own peak of memory, and short ones share the start of one."""
_LAST_LINES = 20


class Event(NamedTuple):
    """Something that a worker reports.

    Attributes:
        worker: which.
        facts: what, as `rnnlab.study.worker` sends it; None when the process has ended.
    """

    worker: Worker
    facts: dict[str, Any] | None


class Worker:
    """A process that trains.

    Args:
        events: where it puts what it reports.
        device: number of the GPU that it may see; None for no choice.
    """

    def __init__(self, events: queue.Queue[Event], device: int | None = None) -> None:
        self.trial: Trial | None = None
        self.progress: dict[str, Any] = {}
        self.given_at = 0.0
        self._events, self._born = events, time.monotonic()
        self._last_lines: deque[str] = deque(maxlen=_LAST_LINES)
        environment = dict(os.environ)
        if device is not None:
            environment["CUDA_VISIBLE_DEVICES"] = _visible(device)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "rnnlab.study.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            encoding="utf-8",
            errors="replace",
        )
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._listen, self._keep_lines)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def is_worn(self) -> bool:
        """Whether it should not be given another run."""
        return time.monotonic() - self._born > _RETIRE_SECONDS

    def give(self, trial: Trial, path: Path, *, test: bool, data: str | None) -> None:
        """Let it do a run.

        Args:
            trial: the run.
            path: its directory.
            test: score it on the test part too.
            data: hash that its data must have; None for any.
        """
        self.trial, self.progress, self.given_at = trial, {}, time.monotonic()
        config = trial.config.model_dump(mode="json")
        job = {"run": str(path), "config": config, "test": test, "data": data}
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has died: the event of that comes
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()

    def stop(self) -> None:
        """Ask it to save what it is at, and to end."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def close(self) -> None:
        """Wait for its end; one that has no run ends by itself."""
        with contextlib.suppress(BrokenPipeError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        self._process.wait()
        for thread in self._threads:
            thread.join()
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()

    def death(self) -> str:
        """Why the process ended, in a line."""
        code = self._process.wait()
        if code >= 0:
            last = next((line for line in reversed(self._last_lines) if line.strip()), "")
            return f"the worker ended with code {code}" + (f": {last.strip()}" if last else "")
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        hint = ""
        if name == "SIGKILL":
            hint = "; when memory runs out the system does so: fewer --workers need less"
        return f"the worker was ended by {name}{hint}"

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with contextlib.suppress(ValueError):  # cut off by its death
                self._events.put(Event(self, json.loads(line)))
        self._events.put(Event(self, None))

    def _keep_lines(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._last_lines.append(line.rstrip("\n"))


def _visible(device: int) -> str:
    """The number of a GPU, among those that this process may see itself."""
    here = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = [name for name in (here or "").split(",") if name]
    return names[device] if device < len(names) else str(device)
