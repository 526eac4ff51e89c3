"""Weights & Biases. Offline by default: `wandb sync RUN/wandb/offline-run-*` uploads later."""

# pyright: reportMissingImports=false

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from typing import Any, Literal

from rnnlab import options
from rnnlab.extras import Library
from rnnlab.trackers import Point, Status, TrackedRun

SUMMARY = "Weights & Biases: a folder in the run directory, or the service"
LIBRARY = Library("wandb", extra="wandb")

_ANSWER_SECONDS = 45.0  # else it would keep the process from ending


class Options(options.Options):
    """Where.

    Attributes:
        mode: "offline" keeps everything in the run directory; "online" sends it to the service, to
            which `wandb login` or WANDB_API_KEY gives access.
        project: in which the run stands.
    """

    mode: Literal["offline", "online"] = "offline"
    project: str = "rnnlab"


def open_tracker(options: Options, run: TrackedRun) -> WandbRun:
    """Begin a run, or go on with it."""
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    os.environ.setdefault("WANDB_SILENT", "true")
    import wandb

    if options.mode == "online" and not wandb.login(prompt=False, verify=False):
        raise PermissionError("no access to the service: run `wandb login`, or set WANDB_API_KEY")
    settings = wandb.Settings(
        silent=True,
        console="off",
        disable_git=True,
        save_code=False,
        init_timeout=_ANSWER_SECONDS,
        finish_timeout=_ANSWER_SECONDS,
        finish_timeout_raises=True,
    )
    return WandbRun(
        wandb.init(
            project=options.project,
            name=run.name,
            id=run.id or uuid.uuid4().hex[:12],
            resume="allow" if options.mode == "online" else None,
            mode=options.mode,
            dir=str(run.directory),
            config={**run.parameters, "directory": str(run.directory)},
            reinit="create_new",
            settings=settings,
        )
    )


class WandbRun:
    """See `rnnlab.trackers.Tracker`."""

    def __init__(self, run: Any) -> None:
        self._run, self.id = run, run.id

    def log(self, points: Sequence[Point]) -> None:
        for point in points:
            self._run.log(point.values, step=point.step)

    def close(self, status: Status) -> None:
        self._run.summary["status"] = status
        self._run.finish(exit_code=0 if status == "completed" else 1)
