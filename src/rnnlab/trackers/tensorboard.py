"""TensorBoard: an event file in the run directory. `tensorboard --logdir runs` shows all runs.

Events are written with TensorBoard's own records and messages, but not by its EventFileWriter nor
by torch.utils.tensorboard: both import TensorFlow wherever it is installed.
"""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from typing import Any

from rnnlab import options
from rnnlab.extras import Library
from rnnlab.trackers import Point, Status, TrackedRun

SUMMARY = "TensorBoard: event files in the run directory"
LIBRARY = Library("tensorboard", extra="tensorboard")


class Options(options.Options):
    """No settings."""


def open_tracker(options: Options, run: TrackedRun) -> EventFile:
    """Begin an event file; TensorBoard reads those of one folder as one run."""
    return EventFile(run)


class EventFile:
    """See `rnnlab.trackers.Tracker`."""

    def __init__(self, run: TrackedRun) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.record_writer import RecordWriter

        self.id = run.id or run.name
        self._event, self._value = Event, Summary.Value
        self._step = 0
        folder = run.directory / "tensorboard"
        folder.mkdir(exist_ok=True)
        name = f"events.out.tfevents.{time.time_ns()}.{socket.gethostname()}.{os.getpid()}"
        self._file = RecordWriter((folder / name).open("wb"))
        self._write(Event(wall_time=time.time(), file_version="brain.Event:2"))
        if run.id is None:
            rows = [f"| {key} | {_cell(value)} |" for key, value in run.parameters.items()]
            self._write_text("config", "\n".join(["| setting | value |", "|---|---|", *rows]))
            self._write_text("directory", f"`{run.directory}`")
        self._file.flush()

    def log(self, points: Sequence[Point]) -> None:
        for point in points:
            values = [self._value(tag=name, simple_value=v) for name, v in point.values.items()]
            self._write_values(values, point.step, point.seconds)
        self._file.flush()

    def close(self, status: Status) -> None:
        self._write_text("status", status)
        self._file.close()

    def _write_text(self, tag: str, markdown: str) -> None:
        from tensorboard.compat.proto.tensor_pb2 import TensorProto
        from tensorboard.compat.proto.types_pb2 import DT_STRING
        from tensorboard.plugins.text import metadata

        value = self._value(
            tag=tag,
            metadata=metadata.create_summary_metadata(tag, None),
            tensor=TensorProto(dtype=DT_STRING, string_val=[markdown.encode()]),
        )
        self._write_values([value], self._step, time.time())

    def _write_values(self, values: list[Any], step: int, seconds: float) -> None:
        event = self._event(wall_time=seconds, step=step)
        event.summary.value.extend(values)
        self._write(event)
        self._step = step

    def _write(self, event: Any) -> None:
        self._file.write(event.SerializeToString())


def _cell(value: object) -> str:
    """A value in a table of Markdown, as text."""
    return f"`{value}`".replace("|", "\\|").replace("\n", " ")
