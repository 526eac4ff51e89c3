"""A process that trains: jobs come in as lines of JSON, and what happens goes out likewise.

Started as `python -m rnnlab.study.worker` by a runner (`rnnlab.study.pool`). It trains one run
after the other, so that short ones share the start of a process. When its runner is gone, it saves
what it is at and ends.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import queue
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from rnnlab.exceptions import Busy, Diverged, Interrupted, UserError
from rnnlab.train.rundir import RunDirectory
from rnnlab.train.state import FitState

_STEP_SECONDS = 0.5
_GRACE_SECONDS = 30.0
_DISK_ERRORS = (errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EIO)


def main() -> None:
    """Work until the runner closes the pipe."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    logging.getLogger("rnnlab").setLevel(logging.WARNING)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what a library prints must not be taken for an event
    if hasattr(signal, "pthread_sigmask"):  # Ctrl-C is the runner's: it stops its workers in order
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    jobs: queue.Queue[dict[str, Any] | None] = queue.Queue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
    while (job := jobs.get()) is not None:
        _tell(out, {"event": "end", **_work(job, out)})


def _listen(jobs: queue.Queue[dict[str, Any] | None]) -> None:
    """Take jobs; when the runner is gone, ask the training to stop, and do not wait for ever."""
    for line in sys.stdin:
        jobs.put(json.loads(line))
    jobs.put(None)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    os._exit(1)


def _tell(out: TextIO, event: dict[str, Any]) -> None:
    with suppress(BrokenPipeError):  # the runner is gone; the run directory is what counts
        print(json.dumps(event), file=out, flush=True)


def _work(job: dict[str, Any], out: TextIO) -> dict[str, Any]:
    """Do a job; say how it ended: `status`, `reason`, and whether the disk is what failed."""
    path = Path(job["run"])
    try:
        _train(job, path, out)
    except (Interrupted, KeyboardInterrupt):
        return {"status": "interrupted"}
    except Busy as error:
        return {"status": "busy", "reason": str(error)}
    except Diverged as error:
        return {"status": "diverged", "reason": str(error)}
    except Exception as error:
        return _failed(job, path, error)
    return {"status": "completed"}


def _train(job: dict[str, Any], path: Path, out: TextIO) -> None:
    from rnnlab import compose
    from rnnlab.config.load import parse_config
    from rnnlab.evaluation import evaluate_run
    from rnnlab.runner import train_run
    from rnnlab.study.outcomes import has_been_tested

    config = parse_config(job["config"], path.name)
    if job["data"] is not None and compose.dataset_of(config).content_hash != job["data"]:
        raise UserError(
            "the data has changed since other runs of this study were trained; restore it, or "
            "begin anew in another --out"
        )
    train_run(config, runs_root=path.parent, out=path, watcher=_Reporter(out))
    if job["test"] and not has_been_tested(RunDirectory(path)):
        evaluate_run(path, "test")


def _failed(job: dict[str, Any], path: Path, error: Exception) -> dict[str, Any]:
    from rnnlab.config.load import parse_config
    from rnnlab.runner import reason_of, record_failure

    reason = reason_of(error)
    if not isinstance(error, UserError):
        traceback.print_exc()
    with suppress(OSError, UserError):
        if RunDirectory(path).read().get("status") == "completed":
            reason = f"trained, but not scored on test: {reason}"
        else:
            record_failure(path, parse_config(job["config"], path.name), reason)
    return {
        "status": "failed",
        "reason": reason,
        "lasting": isinstance(error, UserError),
        "disk": any(
            isinstance(cause, OSError) and cause.errno in _DISK_ERRORS
            for cause in (error, error.__cause__)
        ),
    }


class _Reporter:
    """Watches a training and tells the runner how it stands, now and then."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._told = self._started = time.monotonic()
        self._first_step: int | None = None
        self._loss = 0.0

    def prepared(self, data: Any, seconds: float) -> None:
        _tell(self._out, {"event": "prepared", "summary": data.summary})

    def step(self, state: FitState, *, batches: int, epochs: int, tokens: int, loss: float) -> None:
        now = time.monotonic()
        if self._first_step is None:
            self._first_step, self._started, self._loss = state.step, now, loss
        self._loss += 0.05 * (loss - self._loss)
        if now - self._told < _STEP_SECONDS:
            return
        self._told = now
        left = (epochs - state.epoch) * batches - state.batch
        pace = (now - self._started) / max(state.step - self._first_step, 1)
        _tell(
            self._out,
            {
                "event": "step",
                "epoch": state.epoch + 1,
                "epochs": epochs,
                "share": 1 - left / max(epochs * batches, 1),
                "loss": self._loss,
                "left": pace * left,
            },
        )

    def epoch(self, state: FitState) -> None:
        pass

    def finished(self, run: RunDirectory) -> None:
        pass


if __name__ == "__main__":
    main()
