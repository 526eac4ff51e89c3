"""Timing: contenders take turns in one process, and medians of several rounds are compared."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from rnnlab.bench.contenders import Batch, Contender, Ours, Torch
from rnnlab.bench.workloads import Workload
from rnnlab.data.batching import training_batches
from rnnlab.data.ragged import Ragged
from rnnlab.nn.process import keep_memory
from rnnlab.tasks.classification import TextBatch
from rnnlab.train.loop import gradient_norm

_POOL = 64
_BATCHES = 4
"""In a turn; where near lengths share a batch they are the same for all contenders."""
_WINDOWS, _TURNS_OF_WINDOWS = 8, 6
"""Of a stream: short turns, and many, for rates that are close to one another."""
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


def contenders_of(
    workload: Workload,
    *,
    flax: Callable[[Workload], Contender] | None = None,
    quick: bool = False,
) -> list[Any]:
    """This package first, then its rivals; `quick` leaves out packed sequences."""
    if workload.window or workload.cell is None:
        return [Ours(workload), Torch(workload, "reference")]
    names = ["padded"] if quick else ["reference", "packed_bucketed", "padded"]
    others = [flax(workload)] if flax else []
    return [Ours(workload), *(Torch(workload, name) for name in names), *others]


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


class _Plan(NamedTuple):
    """What a contender does in each of its turns."""

    name: str
    action: Callable[[Batch], Any]
    batches: list[Batch]
    turns: int


def _plan(workload: Workload, contender: Any, *, predicts: bool, turns: int) -> _Plan:
    """Warm a contender up and see how slow it is."""
    count = _WINDOWS if workload.window else _BATCHES
    batches = batches_of(workload, bucketed=contender.is_bucketed, count=count, seed=2)
    action = contender.predict if predicts else contender.step
    action(batches[0])
    if seconds_of(lambda: action(batches[0])) > _SLOW_SECONDS:
        turns = min(turns, _SLOW_TURNS)
        if not contender.is_bucketed:  # any batch is like the others
            batches = batches[:1]
    else:
        for batch in batches:  # every shape once: compilation, allocation
            action(batch)
    return _Plan(contender.name, action, batches, turns)


def measure(workload: Workload, contenders: Sequence[Any], rounds: int) -> dict[str, Any]:
    """Time updates (W9: predictions) of every contender in turn.

    Returns:
        tokens_per_second, fraction_of_gemm, outside_model, ratios, and each contender's rate.
    """
    predicts = workload.name == "W9"
    gemm = Gemm()
    rounds = rounds * _TURNS_OF_WINDOWS if workload.window else rounds
    plans = [
        _plan(workload, contender, predicts=predicts, turns=rounds) for contender in contenders
    ]
    rates: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    gemm_rates, shares = [], []
    for turn in range(rounds):
        gemm_rates.append(gemm.flops_per_second())
        for name, action, batches, turns in plans:
            if turn >= turns:
                continue
            keep_memory(name == Ours.name)  # as a training does here; rivals run as torch comes
            if turns == rounds:
                action(batches[-1])  # not timed: memory that the turns before left is another's
            seconds = seconds_of(lambda a=action, b=batches: [a(batch) for batch in b])
            tokens = real_tokens(workload, batches)
            rates[name].append(tokens / seconds)
            if name == Ours.name and not predicts:
                targets = tokens if workload.window else len(batches) * workload.batch
                shares.append(workload.flops(tokens, targets) / seconds / gemm_rates[-1])
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
        result |= single_text(workload, contenders, rounds)
    elif not workload.window:
        result["outside_model"] = round(outside_model(workload, contenders[0]), 4)
    return result


def single_text(workload: Workload, contenders: Sequence[Any], rounds: int) -> dict[str, Any]:
    """Milliseconds to predict one text, alone: percentiles over many texts, taking turns."""
    texts = workload.texts(40 * rounds, seed=3)
    labels = np.zeros(len(texts.lengths), np.int64)
    singles = [collate(texts, np.array([row]), labels) for row in range(len(texts.lengths))]
    times: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for batch in singles:
        for contender in contenders:
            if contender.name in (Ours.name, "reference"):
                seconds = seconds_of(lambda c=contender, b=batch: c.predict(b))
                times[contender.name].append(1e3 * seconds)
    result = {}
    for name, prefix in ((Ours.name, ""), ("reference", "reference_")):
        if times.get(name):
            middle, slow = np.percentile(times[name], [50, 95]).round(3)
            result |= {f"{prefix}p50_ms": float(middle), f"{prefix}p95_ms": float(slow)}
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
