"""Timing: contenders take turns in one process, and medians of several rounds are compared.

Each has memory as its users have it: what one has kept goes back to the system before another's
turn, for it may speed torch's packed form by a factor of four.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from rnnlab.bench.contenders import Batch, Contender, Ours, Torch
from rnnlab.bench.workloads import Workload
from rnnlab.data.batching import training_batches
from rnnlab.data.ragged import Ragged
from rnnlab.nn.process import leave_memory, use_machine
from rnnlab.tasks.classification import TextBatch
from rnnlab.train.loop import gradient_norm

_POOL = 64
_BATCHES = 4
"""In a turn; where near lengths share a batch they are the same for all contenders."""
_WINDOWS, _TURNS_OF_WINDOWS = 8, 6
"""Of a stream: short turns, and many, for rates that are close to one another."""
_SINGLES = 40
"""Texts that are predicted alone, in a turn."""
_SLOW_SECONDS, _SLOW_TURNS = 2.0, 3
"""A contender whose update takes longer takes fewer turns."""


def seconds_of(action: Callable[[], Any]) -> float:
    """Run once and return how long it took."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


class Gemm:
    """The rate of a large float32 matrix product, the yardstick of the machine."""

    SIZE = 2048

    def __init__(self) -> None:
        self.matrix = torch.randn(self.SIZE, self.SIZE)
        self.result = torch.empty_like(self.matrix)

    def flops_per_second(self) -> float:
        """The best of three, now."""
        once = min(
            seconds_of(lambda: torch.mm(self.matrix, self.matrix, out=self.result))
            for _ in range(3)
        )
        return 2 * self.SIZE**3 / once


def contenders_of(workload: Workload, *, flax: bool = False, quick: bool = False) -> list[str]:
    """This package first, then its rivals; `quick` leaves out packed sequences."""
    if workload.window or workload.cell is None:
        return [Ours.name, "reference"]
    names = ["padded"] if quick else ["reference", "packed_bucketed", "padded"]
    return [Ours.name, *names, *(["flax"] if flax else [])]


def collate(texts: Ragged, rows: Any, labels: Any) -> Batch:
    """What the training of this package does for every batch."""
    return (
        torch.from_numpy(texts.pad(rows)),
        torch.from_numpy(texts.lengths[rows]),
        torch.from_numpy(labels[rows]),
    )


def batches_of(workload: Workload, *, bucketed: bool, count: int, seed: int) -> list[Batch]:
    """Batches that stand for an epoch: bucketed ones evenly from short to long, others random."""
    if workload.window:
        return [torch.from_numpy(workload.stream(seed + i)) for i in range(count)]
    texts = workload.texts(_POOL * workload.batch, seed)
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, max(workload.outputs, 2), len(texts.lengths))
    if bucketed:
        drawn = training_batches(texts.lengths, batch_size=workload.batch, seed=seed, epoch=0)
        drawn.sort(key=lambda rows: int(texts.lengths[rows].sum()))
        rows = [drawn[int((i + 0.5) * len(drawn) / count)] for i in range(count)]
    else:
        order = generator.permutation(len(texts.lengths))[: count * workload.batch]
        rows = np.split(order, count)
    return [collate(texts, each, labels) for each in rows]


def real_tokens(workload: Workload, batches: Sequence[Batch]) -> int:
    """Tokens that count: no padding."""
    if workload.window:
        return sum(window[1:].numel() for window in batches)
    return sum(int(lengths.sum()) for _, lengths, _ in batches)


class Seat:
    """One contender, from which turns can be asked.

    Args:
        workload: what it is built for.
        name: of the contender.
        threads: of its kernels.
    """

    def __init__(self, workload: Workload, name: str, threads: int) -> None:
        self.workload = workload
        self.threads = threads
        self.is_ours = name == Ours.name
        self.sit()
        self.contender = _build(workload, name)
        self.predicts = workload.name == "W9"
        self.action = self.contender.predict if self.predicts else self.contender.step
        self.batches: list[Batch] = []
        self.is_slow = False

    def sit(self) -> None:
        """Set up the process as this contender's users have it: what trainings of this package do,
        or what torch and the C library do by themselves."""
        leave_memory()  # what another has kept
        if self.is_ours:
            use_machine(self.threads)
        else:
            torch.set_num_threads(self.threads)

    def warm_up(self) -> bool:
        """Do every shape once; return whether this contender is so slow that few turns will do."""
        self.sit()
        count = _WINDOWS if self.workload.window else _BATCHES
        bucketed = self.contender.is_bucketed
        self.batches = batches_of(self.workload, bucketed=bucketed, count=count, seed=2)
        self.action(self.batches[0])
        self.is_slow = seconds_of(lambda: self.action(self.batches[0])) > _SLOW_SECONDS
        if not self.is_slow:
            self.pass_over()
        elif not bucketed:  # any batch is like the others
            self.batches = self.batches[:1]
        return self.is_slow

    def pass_over(self) -> None:
        """Do all batches."""
        for batch in self.batches:
            self.action(batch)

    def turn(self) -> tuple[float, int]:
        """Do all batches; return seconds and real tokens."""
        self.sit()
        if not self.is_slow:
            self.pass_over()  # not timed: threads wake, memory is fetched and caches are another's
        seconds = seconds_of(self.pass_over)
        return seconds, real_tokens(self.workload, self.batches)

    def singles(self, texts: Ragged, rows: Iterable[int]) -> list[float]:
        """Seconds to predict each of these texts, alone, one after the other."""
        self.sit()
        labels = np.zeros(len(texts.lengths), np.int64)
        batches = [collate(texts, np.array([row]), labels) for row in rows]
        self.contender.predict(batches[-1])  # not timed, as in `turn`
        return [seconds_of(lambda b=batch: self.contender.predict(b)) for batch in batches]

    def outside(self) -> float:
        """See `outside_model`."""
        assert isinstance(self.contender, Ours)
        self.sit()
        return outside_model(self.workload, self.contender)


def _build(workload: Workload, name: str) -> Contender:
    if name == Ours.name:
        return Ours(workload)
    if name == "flax":
        from rnnlab.bench.flax_rival import Flax

        return Flax(workload)
    return Torch(workload, name)


def measure(
    workload: Workload,
    names: Sequence[str],
    rounds: int,
    *,
    threads: int = 1,
) -> dict[str, Any]:
    """Time updates (W9: predictions) of every contender in turn.

    Args:
        workload: what is done.
        names: contenders, this package first.
        rounds: turns of each.
        threads: of each.

    Returns:
        tokens_per_second, fraction_of_gemm, outside_model, ratios, and each contender's rate.
    """
    predicts = workload.name == "W9"
    rounds = rounds * _TURNS_OF_WINDOWS if workload.window else rounds
    seats = {name: Seat(workload, name, threads) for name in names}
    gemm = Gemm()
    turns = {
        name: min(rounds, _SLOW_TURNS) if each.warm_up() else rounds for name, each in seats.items()
    }
    rates: dict[str, list[float]] = {name: [] for name in names}
    gemm_rates, shares = [], []
    for turn in range(rounds):
        for name, each in seats.items():
            if turn >= turns[name]:
                continue
            if name == Ours.name:
                gemm_rates.append(gemm.flops_per_second())
            seconds, tokens = each.turn()
            rates[name].append(tokens / seconds)
            if name == Ours.name and not predicts:
                texts = _BATCHES * workload.batch
                flops = workload.flops(tokens, tokens if workload.window else texts)
                shares.append(flops / seconds / gemm_rates[-1])
    medians = {name: statistics.median(each) for name, each in rates.items()}
    ours = medians[Ours.name]
    result: dict[str, Any] = {
        "name": workload.name,
        "title": workload.title,
        "tokens_per_second": round(ours, 1),
        "rates": {name: round(rate, 1) for name, rate in medians.items()},
        "ratios": {n: round(ours / rate, 3) for n, rate in medians.items() if n != Ours.name},
        "gemm_gflops": round(statistics.median(gemm_rates) / 1e9, 1),
    }
    if not predicts:
        result["fraction_of_gemm"] = round(statistics.median(shares), 4)
    if predicts:
        result |= single_text(workload, seats, rounds)
    elif not workload.window:
        result["outside_model"] = round(seats[Ours.name].outside(), 4)
    return result


def single_text(workload: Workload, seats: Mapping[str, Seat], rounds: int) -> dict[str, Any]:
    """Milliseconds to predict one text, alone: percentiles over many texts, taking turns."""
    texts = workload.texts(_SINGLES * rounds, seed=3)
    prefixes = {Ours.name: "", "reference": "reference_"}
    times: dict[str, list[float]] = {name: [] for name in prefixes if name in seats}
    for start in range(0, len(texts.lengths), _SINGLES):
        for name, each in times.items():
            each.extend(seats[name].singles(texts, range(start, start + _SINGLES)))
    result = {}
    for name, each in times.items():
        middle, slow = (1e3 * np.percentile(each, [50, 95])).round(3)
        result[f"{prefixes[name]}p50_ms"] = float(middle)
        result[f"{prefixes[name]}p95_ms"] = float(slow)
    return result


def outside_model(workload: Workload, ours: Ours) -> float:
    """Share of a training step that is neither model nor optimizer: collation, gradient norm,
    bookkeeping of the loop."""
    texts = workload.texts(_POOL * workload.batch, seed=4)
    labels = np.zeros(len(texts.lengths), np.int64)
    rows = training_batches(texts.lengths, batch_size=workload.batch, seed=4, epoch=0)[:8]
    spent = {"collation": 0.0, "norm": 0.0}

    def collated() -> Any:
        for each in rows:
            start = time.perf_counter()
            batch = TextBatch(*collate(texts, each, labels))
            spent["collation"] += time.perf_counter() - start
            yield batch

    plain = ours.optimizer.step

    def step(lr: float) -> None:
        trained = list(ours.optimizer.parameters.values())
        spent["norm"] += seconds_of(lambda: gradient_norm(trained).item())
        plain(lr)

    ours.optimizer.step = step
    try:
        whole = seconds_of(lambda: [None for _ in ours.steps(collated())]) - spent["norm"]
    finally:
        ours.optimizer.step = plain
    return (spent["collation"] + spent["norm"]) / whole
