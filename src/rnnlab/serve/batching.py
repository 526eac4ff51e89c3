"""One thread computes; requests that wait for it are computed together."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

from rnnlab.serve.limits import Limits

log = logging.getLogger(__name__)


class Overloaded(Exception):
    """The queue is full.

    Attributes:
        retry_seconds: after which there may be room.
    """

    def __init__(self, retry_seconds: int) -> None:
        super().__init__("too many requests are waiting; try again later")
        self.retry_seconds = retry_seconds


class Answering(Protocol):
    """What computes."""

    def answer(self, requests: Sequence[Sequence[str]]) -> list[Any]:
        """An answer, or the exception that takes its place, for each request's texts."""
        ...


@dataclass
class _Job:
    """A request: texts for a model, or work of its own."""

    model: Answering | None
    texts: Sequence[str]
    work: Callable[[], Any] | None = None
    future: Future[Any] = field(default_factory=Future)

    @property
    def weight(self) -> int:
        return max(1, len(self.texts))

    @property
    def characters(self) -> int:
        return sum(map(len, self.texts))


class Batcher:
    """The queue and its thread.

    An idle thread takes a request at once. While it computes, others gather, and are computed
    together next. Only if the last batch held several requests does it wait, a few
    milliseconds, for more.

    Args:
        limits: of the queue and of batches.
        observe: called with the number of texts of each batch.
    """

    def __init__(self, limits: Limits, observe: Callable[[int], None] = lambda texts: None) -> None:
        self._limits, self._observe = limits, observe
        self._jobs: deque[_Job] = deque()
        self._ready = threading.Condition()
        self._queued = 0
        self._stopping = False
        self._seconds_per_text = 0.01
        self._thread = threading.Thread(target=self._run, name="rnnlab-serve", daemon=True)

    def start(self) -> None:
        """Start computing."""
        self._thread.start()

    def stop(self) -> None:
        """Compute what waits, then end."""
        with self._ready:
            self._stopping = True
            self._ready.notify_all()
        self._thread.join()

    @property
    def queued(self) -> int:
        """Texts that wait."""
        return self._queued

    def submit(self, model: Answering, texts: Sequence[str]) -> Future[Any]:
        """Queue texts; the future holds the model's answer.

        Raises:
            Overloaded: there is no room.
        """
        return self._put(_Job(model, texts))

    def call(self, work: Callable[[], Any]) -> Future[Any]:
        """Queue work of its own kind.

        Raises:
            Overloaded: there is no room.
        """
        return self._put(_Job(None, (), work))

    def _put(self, job: _Job) -> Future[Any]:
        with self._ready:
            if self._stopping or self._queued + job.weight > self._limits.queue_texts:
                seconds = math.ceil(self._queued * self._seconds_per_text)
                raise Overloaded(min(60, max(1, seconds)))
            self._jobs.append(job)
            self._queued += job.weight
            self._ready.notify()
        return job.future

    def _run(self) -> None:
        together = False
        while jobs := self._take(self._limits.linger_seconds if together else 0.0):
            together = len(jobs) > 1
            wanted = [job for job in jobs if job.future.set_running_or_notify_cancel()]
            if wanted and wanted[0].work is not None:
                _finish(wanted[0], wanted[0].work)
            elif wanted:
                self._answer(wanted)

    def _take(self, linger: float) -> list[_Job]:
        """The next batch: requests for one model, in their order; empty when all is done."""
        limits = self._limits
        with self._ready:
            self._ready.wait_for(lambda: self._jobs or self._stopping)
            if linger and self._queued < limits.batch_texts:
                self._ready.wait_for(
                    lambda: self._queued >= limits.batch_texts or self._stopping, linger
                )
            batch: list[_Job] = []
            texts = characters = 0
            while self._jobs and (not batch or _fit(batch[0], self._jobs[0])):
                texts += self._jobs[0].weight
                characters += self._jobs[0].characters
                too_many = texts > limits.batch_texts or characters > limits.batch_characters
                if batch and too_many:
                    break
                batch.append(self._jobs.popleft())
            self._queued -= sum(job.weight for job in batch)
            return batch

    def _answer(self, jobs: list[_Job]) -> None:
        model = jobs[0].model
        assert model is not None
        started = time.monotonic()
        count = sum(len(job.texts) for job in jobs)
        try:
            answers = model.answer([job.texts for job in jobs])
        except Exception as error:
            if len(jobs) == 1:
                log.exception("a request failed")
                jobs[0].future.set_exception(error)
                return
            for job in jobs:  # so that one does not spoil the others
                self._answer([job])
            return
        # counted first: who has an answer may ask for the counts at once
        self._observe(count)
        self._seconds_per_text = (time.monotonic() - started) / max(count, 1)
        for job, answer in zip(jobs, answers, strict=True):
            if isinstance(answer, Exception):
                job.future.set_exception(answer)
            else:
                job.future.set_result(answer)


def _fit(first: _Job, other: _Job) -> bool:
    return first.work is None and other.work is None and first.model is other.model


def _finish(job: _Job, work: Callable[[], Any]) -> None:
    try:
        job.future.set_result(work())
    except Exception as error:
        job.future.set_exception(error)
