"""Hand out the runs of a study to workers until none is missing."""

from __future__ import annotations

import logging
import queue
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from rnnlab.exceptions import UserError
from rnnlab.files import sha256_json
from rnnlab.runner import record_failure
from rnnlab.study.claims import Claims, Runner
from rnnlab.study.combine import with_combination
from rnnlab.study.design import COMBINED
from rnnlab.study.directory import StudyDirectory
from rnnlab.study.display import Display, Row
from rnnlab.study.expansion import Expansion
from rnnlab.study.plan import Plan, Trial
from rnnlab.study.pool import Event, Worker

log = logging.getLogger(__name__)

_TICK_SECONDS = 0.5
_WAIT_SECONDS = 2.0


@dataclass(frozen=True)
class RunSettings:
    """How a study is run.

    Attributes:
        workers: runs at a time.
        retries: how often a run is tried again whose worker died or that failed for a reason that
            may pass.
        only: names of the groups to run; None for all.
        devices: GPUs to share out; 0 for none.
    """

    workers: int
    retries: int = 2
    only: list[str] | None = None
    devices: int = 0


@dataclass
class Summary:
    """How a call ended.

    Attributes:
        runs: distinct runs that were asked for.
        completed: names of those that this call finished.
        skipped: names of those that were finished already, or by another runner.
        failed, diverged: reasons, by name.
    """

    runs: int = 0
    completed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    diverged: dict[str, str] = field(default_factory=dict)


class Stopped(Exception):
    """The user asked to stop; what was running is saved."""


class StudyRunner:
    """One call of `rnnlab study`.

    Args:
        expansion: of the design.
        directory: of the study.
        settings: how it is run.
        display: shows how it stands.
    """

    def __init__(
        self,
        expansion: Expansion,
        directory: StudyDirectory,
        settings: RunSettings,
        display: Display,
    ) -> None:
        self._expansion, self._directory = expansion, directory
        self._settings, self._display = settings, display
        self.plan: Plan = expansion.plan()
        self._claims = Claims(directory.claims, Runner.of_this_process())
        self._events: queue.Queue[Event] = queue.Queue()
        self._workers: list[Worker] = []
        self._retry: list[Trial] = []
        self._tries: dict[str, int] = {}
        self._completed: list[str] = []
        self._gave_up: dict[str, str] = {}
        self._interrupts = self._obeyed = 0
        self._not_before: dict[str, float] = {}
        self._disk_problem: str | None = None
        self._no_combination: str | None = None
        self._began = time.monotonic()
        self._outcomes = {t.name: directory.outcome(t) for t in self.plan.trials()}
        self._at_start = dict(self._outcomes)
        self._choose_combination()

    def run(self) -> Summary:
        """Do what is missing.

        Raises:
            Stopped: the user asked for it.
            UserError: the disk is full or read-only.
        """
        self._refresh()
        try:
            with self._signals(), self._display:
                self._loop()
        finally:
            self._end_workers()
        self._refresh()
        if self._disk_problem is not None:
            raise UserError(
                f"{self._directory.path}: {self._disk_problem}; make room or give write access, "
                "and give the same command again: finished runs are kept"
            )
        if self._interrupts:
            raise Stopped
        return self._summary()

    @property
    def _is_stopping(self) -> bool:
        return self._interrupts > 0 or self._disk_problem is not None

    def _loop(self) -> None:
        looked = 0.0
        while True:
            self._obey()
            self._claims.beat([w.trial.name for w in self._busy() if w.trial is not None])
            waiting = False
            while len(self._busy()) < self._settings.workers and not self._is_stopping:
                trial = self._next()
                if trial is None:
                    waiting = True
                    break
                self._give(trial)
            if not self._busy():
                if self._is_stopping or not self._pending():
                    return
                if waiting and time.monotonic() - looked > _WAIT_SECONDS:
                    looked = time.monotonic()
                    self._look_again()
            self._show()
            self._take_events()

    def _obey(self) -> None:
        """The first request to stop lets the workers save; the second ends them at once."""
        if self._interrupts == self._obeyed:
            return
        if not self._obeyed:
            self._display.say("stopping: running runs are saved; press again to stop at once")
        self._obeyed = self._interrupts
        for worker in self._workers:
            if self._interrupts == 1:
                worker.stop()
            else:
                worker.kill()

    def _take_events(self) -> None:
        """Wait a moment for what workers report, and take it in."""
        with suppress(queue.Empty):
            event = self._events.get(timeout=_TICK_SECONDS)
            while True:
                self._take(event)
                event = self._events.get_nowait()

    def _trials(self) -> list[Trial]:
        return self.plan.trials(self._settings.only)

    def _pending(self) -> list[Trial]:
        """Runs that have not come to an end in this call."""
        return [trial for trial in self._trials() if not self._has_ended(trial)]

    def _has_ended(self, trial: Trial) -> bool:
        if trial.name in self._gave_up:
            return True
        outcome = self._outcomes[trial.name]
        if outcome.is_done(test=self.plan.design.test):
            return True
        # one that failed before this call is tried again; in it, another runner may have tried
        return outcome.status == "failed" and outcome.stamp != self._at_start[trial.name].stamp

    def _next(self) -> Trial | None:
        """Claim a run; None where nobody waits for one, or others are at all of them."""
        if self._retry:
            return self._retry.pop(0)
        held = {worker.trial.name for worker in self._busy() if worker.trial is not None}
        now = time.monotonic()
        trials = {
            trial.name: trial
            for trial in self._pending()
            if trial.name not in held and self._not_before.get(trial.name, now) <= now
        }

        def is_wanted(name: str) -> bool:
            self._outcomes[name] = self._directory.outcome(trials[name])
            return not self._has_ended(trials[name])

        name = self._claims.claim(list(trials), is_wanted) if trials else None
        if name is None:
            self._choose_combination()
            return None
        return trials[name]

    def _give(self, trial: Trial) -> None:
        worker = next((w for w in self._workers if w.trial is None), None)
        if worker is None:
            device = len(self._workers) % self._settings.devices if self._settings.devices else None
            worker = Worker(self._events, device)
            self._workers.append(worker)
        self._tries[trial.name] = self._tries.get(trial.name, 0) + 1
        path = self._directory.run_path(trial)
        worker.give(trial, path, test=self.plan.design.test, data=self._data_of(trial))

    def _data_of(self, trial: Trial) -> str | None:
        """Hash of the data that completed runs of the same source have had."""
        wanted = _source_key(trial)
        for other in self.plan.trials():
            outcome = self._outcomes[other.name]
            if outcome.status == "completed" and _source_key(other) == wanted:
                return outcome.facts["identity"]["data"]
        return None

    def _busy(self) -> list[Worker]:
        return [worker for worker in self._workers if worker.trial is not None]

    def _take(self, event: Event) -> None:
        worker, facts = event
        if facts is None:
            self._workers = [other for other in self._workers if other is not worker]
            if worker.trial is not None:
                self._end_of(worker, {"status": "died", "reason": worker.death()})
            worker.close()
        elif facts["event"] == "end":
            self._end_of(worker, facts)
            if worker.is_worn or facts["status"] in ("failed", "interrupted"):
                self._workers.remove(worker)
                worker.close()
        else:
            worker.progress |= facts

    def _end_of(self, worker: Worker, facts: dict[str, Any]) -> None:
        trial, worker.trial = worker.trial, None
        assert trial is not None
        status, reason = facts["status"], facts.get("reason") or ""
        if facts.get("disk"):
            self._disk_problem = reason
            log.error("the disk: %s; no further run is begun", reason)
        may_pass = status == "died" or (status == "failed" and not facts["lasting"])
        if may_pass and not self._is_stopping:
            if self._tries[trial.name] <= self._settings.retries:
                self._display.say(f"{trial.name}: {reason}; tried again")
                self._retry.append(trial)
                return
            if status == "died":
                with suppress(OSError, UserError):
                    record_failure(self._directory.run_path(trial), trial.config, reason)
        if status == "busy":  # of a runner that is gone, whose worker is about to save and end
            self._not_before[trial.name] = time.monotonic() + _WAIT_SECONDS
            self._claims.release(trial.name)
            return
        self._outcomes[trial.name] = self._directory.outcome(trial)
        if status == "completed":
            self._completed.append(trial.name)
        elif status in ("failed", "died") and not self._is_stopping:
            self._gave_up[trial.name] = reason
        self._claims.release(trial.name)
        self._display.ended(self._row(trial, worker), self._outcomes[trial.name], reason)
        self._choose_combination()
        self._refresh()

    def _look_again(self) -> None:
        """See what other runners have done."""
        for trial in self._pending():
            self._outcomes[trial.name] = self._directory.outcome(trial)
        self._choose_combination()

    def _choose_combination(self) -> None:
        design = self.plan.design
        if design.then is None or self._no_combination or self.plan.groups[-1].levels:
            return
        ended = {t.name: self._outcomes[t.name] for t in self.plan.trials() if self._has_ended(t)}
        try:
            chosen = with_combination(self.plan, self._expansion, ended)
        except UserError as error:  # the best levels do not go together
            self._no_combination = str(error)
            self._display.say(f"not combined: {error}")
            return
        if chosen is None:
            return
        self.plan = chosen
        for trial in chosen.trials():
            if trial.name not in self._at_start:
                self._outcomes[trial.name] = self._directory.outcome(trial)
                self._at_start[trial.name] = self._outcomes[trial.name]

    def _refresh(self) -> None:
        if self._disk_problem is not None:
            with suppress(UserError):
                self._directory.refresh(self.plan, set(), self._gave_up, self._settings.only)
            return
        held = self._claims.held()
        self._directory.refresh(self.plan, held, self._gave_up, self._settings.only)

    def _show(self) -> None:
        rows = [self._row(worker.trial, worker) for worker in self._busy() if worker.trial]
        trials = self._trials()
        ended = sum(self._has_ended(trial) for trial in trials)
        self._display.show(rows, ended, len(trials), self._seconds_left(len(trials) - ended))

    def _seconds_left(self, pending: int) -> float | None:
        """From the runs that this call has finished; of those that run, their own estimate."""
        left = [worker.progress.get("left") for worker in self._busy()]
        known = [seconds for seconds in left if seconds is not None]
        waiting = pending - len(left)
        if waiting <= 0:
            return max(known) if known and len(known) == len(left) else None
        if not self._completed:
            return None
        pace = (time.monotonic() - self._began) / len(self._completed)
        return pace * waiting + (sum(known) / self._settings.workers if known else 0.0)

    def _row(self, trial: Trial, worker: Worker) -> Row:
        return Row(
            trial.name,
            self.plan.title(trial),
            worker.progress,
            time.monotonic() - worker.given_at,
        )

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Count what asks to stop: SIGINT and SIGTERM."""

        def handle(number: int, frame: object) -> None:
            self._interrupts += 1

        numbers = (signal.SIGINT, signal.SIGTERM)
        try:
            before = {number: signal.signal(number, handle) for number in numbers}
        except ValueError:  # not in the main thread: nobody sends signals here
            before = {}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _end_workers(self) -> None:
        for worker in self._workers:
            if worker.trial is not None:
                worker.stop()
            worker.close()
            if worker.trial is not None:
                with suppress(UserError):
                    self._claims.release(worker.trial.name)
        self._workers = []

    def _summary(self) -> Summary:
        trials = self._trials()
        summary = Summary(runs=len(trials), completed=self._completed)
        if self._no_combination is not None:
            summary.failed[COMBINED] = self._no_combination
        for trial in trials:
            outcome = self._outcomes[trial.name]
            if trial.name in self._gave_up:
                summary.failed[trial.name] = self._gave_up[trial.name]
            elif outcome.status == "diverged":
                summary.diverged[trial.name] = outcome.reason or ""
            elif outcome.status == "failed":
                summary.failed[trial.name] = outcome.reason or ""
            elif trial.name not in self._completed:
                summary.skipped.append(trial.name)
        return summary


def _source_key(trial: Trial) -> str:
    data = trial.config.model_dump(mode="json")["data"]
    own = type(trial.config.data.source.options).model_fields
    names = ("source", *own)
    folds = data["validation"]["fold"] is not None
    return sha256_json([folds, *(data.get(name) for name in names)])
