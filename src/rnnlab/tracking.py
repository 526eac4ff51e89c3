"""Tell a tracker of a training, and keep the training safe from the tracker.

Figures are handed to a thread that alone talks to the tracker: a slow one delays no update, one
that hangs is left behind at the end, and one that fails is dropped with a warning. What it has
taken in is noted in `tracker.json` in the run directory, so that a resumed run goes on in the same
record and repeats nothing.
"""

from __future__ import annotations

import csv
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from rnnlab.config.schema import Config
from rnnlab.exceptions import Diverged, Interrupted
from rnnlab.files import read_json, write_json
from rnnlab.registry import Component
from rnnlab.trackers import Point, Status, TrackedRun
from rnnlab.train.rundir import RunDirectory
from rnnlab.train.state import FitState, Watcher

log = logging.getLogger(__name__)

EVERY_STEPS = 10
"""Updates between two points; a point has the mean loss of those in between."""
DELIVERY_SECONDS = 1.0
PATIENCE_SECONDS = 60.0
"""How long the end of a training waits for the tracker to take in the rest."""

_UPDATES, _EPOCH, _RUN = range(3)


def require_tracker(config: Config) -> None:
    """Check that the library of the config's tracker is installed, without importing it.

    Raises:
        UserError: it is not.
    """
    library = config.tracker and config.tracker.module.LIBRARY
    if library is not None:
        library.version()


@contextmanager
def tracked(config: Config, run: RunDirectory, watcher: Watcher) -> Iterator[Watcher]:
    """Yield a watcher that tells the given one and the config's tracker, if there is one."""
    if config.tracker is None:
        yield watcher
        return
    record = _read_record(run, config.tracker.name)
    told = TrackedRun(run.path.name, run.path.absolute(), _parameters(config), record["id"])
    delivery = Delivery(config.tracker, told, record, run)
    status: Status = "failed"
    try:
        yield Watchers(watcher, TrackerWatcher(delivery.put, tuple(record["sent"])))
        status = "completed"
    except Interrupted:
        status = "interrupted"
        raise
    except Diverged:
        status = "diverged"
        raise
    finally:
        delivery.close(status)


def _read_record(run: RunDirectory, name: str) -> dict[str, Any]:
    """What the tracker has taken in of this run so far."""
    try:
        record = read_json(run.tracker)
        step, kind = map(int, record["sent"])
        if record["tracker"] == name and isinstance(record["id"], str):
            return {"tracker": name, "id": record["id"], "sent": [step, kind]}
    except (OSError, ValueError, TypeError, KeyError):
        pass  # there is none, or none that can be read: begin a new one
    return {"tracker": name, "id": None, "sent": [0, _UPDATES]}


def _parameters(config: Config) -> dict[str, Any]:
    """The config with dotted keys, for people to filter by."""
    settings = config.model_dump(mode="json")
    del settings["tracker"]  # an address may hold a password
    return dict(_flat(settings))


def _flat(settings: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", ", ".join(map(str, value)) if isinstance(value, list) else value


class Watchers:
    """Passes every event on to several watchers, in order."""

    def __init__(self, *watchers: Watcher) -> None:
        self._watchers = watchers

    def prepared(self, data: Any, seconds: float) -> None:
        for watcher in self._watchers:
            watcher.prepared(data, seconds)

    def step(self, state: FitState, *, batches: int, epochs: int, tokens: int, loss: float) -> None:
        for watcher in self._watchers:
            watcher.step(state, batches=batches, epochs=epochs, tokens=tokens, loss=loss)

    def epoch(self, state: FitState) -> None:
        for watcher in self._watchers:
            watcher.epoch(state)

    def finished(self, run: RunDirectory) -> None:
        for watcher in self._watchers:
            watcher.finished(run)


class TrackerWatcher:
    """Turns the events of a training into points.

    Args:
        put: takes each point.
        sent: (step, kind) of the last point that the tracker has taken in before; those up to it
            are left out.
    """

    def __init__(self, put: Callable[[Point], None], sent: tuple[int, int]) -> None:
        self._put, self._sent = put, sent
        self._rows = 0
        self._begin()

    def _begin(self) -> None:
        self._losses: list[float] = []
        self._tokens, self._since = 0, time.monotonic()

    def prepared(self, data: Any, seconds: float) -> None:
        self._begin()

    def step(self, state: FitState, *, batches: int, epochs: int, tokens: int, loss: float) -> None:
        self._send_rows(state.rows)
        self._losses.append(loss)
        self._tokens += tokens
        if state.step % EVERY_STEPS:
            return
        seconds = max(time.monotonic() - self._since, 1e-9)
        values = {
            "step/loss": sum(self._losses) / len(self._losses),
            "step/learning_rate": state.learning_rate,
            "step/tokens_per_second": self._tokens / seconds,
        }
        self._send(state.step, _UPDATES, values)
        self._begin()

    def epoch(self, state: FitState) -> None:
        self._send_rows(state.rows)
        self._begin()  # validation does not count as time between updates

    def finished(self, run: RunDirectory) -> None:
        facts = run.read()
        if "epochs" in facts:
            with (run.path / "epochs.csv").open(encoding="utf-8", newline="") as file:
                self._send_rows(list(csv.DictReader(file)))
        val, names = facts["val"], ("accuracy", "macro_f1", "loss", "perplexity")
        values = {f"final/{name}": val[name] for name in names if name in val}
        for name in ("seconds", "parameters", "best_epoch"):
            if name in facts:
                values[f"final/{name}"] = float(facts[name])
        self._send(facts.get("steps", 0), _RUN, values)

    def _send_rows(self, rows: Sequence[dict[str, Any]]) -> None:
        """Send the epochs that were not sent yet, those before a resume included."""
        for row in rows[self._rows :]:
            parts = (name.partition("_") for name in row if name not in ("epoch", "step"))
            values = {f"{part}/{name}": float(row[f"{part}_{name}"]) for part, _, name in parts}
            self._send(int(row["step"]), _EPOCH, {"epoch": float(row["epoch"]), **values})
        self._rows = len(rows)

    def _send(self, step: int, kind: int, values: dict[str, float]) -> None:
        if (step, kind) > self._sent:
            self._put(Point(step, kind, time.time(), values))


class Delivery:
    """Hands points to a tracker, in a thread of its own.

    Args:
        choice: the tracker.
        told: what it is told of the run.
        record: as kept in `tracker.json`.
        run: where that lies.
    """

    def __init__(
        self, choice: Component, told: TrackedRun, record: dict[str, Any], run: RunDirectory
    ) -> None:
        self._choice, self._told = choice, told
        self._record, self._run = record, run
        self._points: deque[Point] = deque()
        self._status: Status = "failed"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._deliver, daemon=True)
        self._thread.start()

    def put(self, point: Point) -> None:
        """Take a point; returns at once."""
        if self._thread.is_alive():
            self._points.append(point)

    def close(self, status: Status) -> None:
        """Let the tracker take in what is left, but wait no longer than `PATIENCE_SECONDS`."""
        self._status = status
        self._ended.set()
        with suppress(KeyboardInterrupt):
            self._thread.join(PATIENCE_SECONDS)
        if self._thread.is_alive():
            self._warn("does not answer; the rest is not sent")

    def _deliver(self) -> None:
        try:
            tracker = self._choice.module.open_tracker(self._choice.options, self._told)
            self._keep(id=tracker.id)
            ended = False
            while not ended:
                ended = self._ended.wait(DELIVERY_SECONDS)
                points = [self._points.popleft() for _ in range(len(self._points))]
                if points:
                    tracker.log(points)
                    self._keep(sent=[points[-1].step, points[-1].kind])
            tracker.close(self._status)
        except BaseException as error:  # whatever a library does, SystemExit included
            reason = " ".join(str(error).split()) or type(error).__name__
            self._warn(f"{reason}; the training goes on without it")

    def _keep(self, **changes: Any) -> None:
        self._record |= changes
        write_json(self._run.tracker, self._record)

    def _warn(self, what: str) -> None:
        log.warning("tracker %s: %s", self._choice.name, what)
