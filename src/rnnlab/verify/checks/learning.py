"""Learning: every parameter gets a gradient, one batch can be learned by heart, the loss begins
where guessing stands, and padding learns nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnnlab.registry import OPTIMIZERS
from rnnlab.train.loop import training_steps
from rnnlab.verify.evidence import Evidence
from rnnlab.verify.examples import Example, batch_of
from rnnlab.verify.subject import Subject
from rnnlab.verify.weights import gradients

NUMBER = 8
TITLE = "able to learn"
PROVES = (
    "Every parameter gets a gradient, one batch can be learned by heart, the loss begins near "
    "ln(classes), and padding learns nothing."
)
ADVICE = (
    "A part of the model is cut off or the loss is not of these labels: look for detached tensors, "
    "parameters that the optimizer does not have, and labels out of order."
)
READS = ("model", "data")

_UPDATES = 1000
_LEARNED = 0.1
_START = 0.5
_BATCH = 16
_RATES = (1e-2, 3e-3)


def run(subject: Subject) -> Evidence:
    """Look at a network before, in and after a few updates."""
    subject.require(
        "network", "language_model", reason="it is fitted in one go, not learned step by step"
    )
    evidence = Evidence()
    _every_gradient(subject, evidence)
    _start(subject, evidence)
    _by_heart(subject, evidence)
    return evidence


def _task_and_batch(subject: Subject) -> tuple[Callable[[Any], Any], Any]:
    """A new task's loss, and a batch of distinct texts or of windows."""
    if subject.kind == "language_model":
        from rnnlab.tasks.language_modeling import LanguageModeling, Window

        rows = subject.windows
        window = Window(rows[:, :-1], rows[:, 1:])
        return lambda model: LanguageModeling().loss_sum(model, window), window
    batch = batch_of(_distinct(subject))
    return lambda model: subject.task.loss_sum(model, batch), batch


def _distinct(subject: Subject) -> list[Example]:
    """Training texts with different words, so that every kind of model can tell them apart."""
    data = subject.practice_data
    ragged, found, seen = data.train_texts.ragged, [], set()
    for row, label in enumerate(data.train.labels.tolist()):
        tokens = ragged.tokens[ragged.offsets[row] : ragged.offsets[row + 1]][:40]
        words = tuple(np.unique(tokens))
        if words not in seen:
            seen.add(words)
            found.append(Example(torch.from_numpy(tokens.astype(np.int64)), label))
        if len(found) == _BATCH:
            break
    return found


def _every_gradient(subject: Subject, evidence: Evidence) -> None:
    model = subject.network()
    loss, _ = _task_and_batch(subject)
    found = gradients(model, loss(model).nats)
    without = [name for name, gradient in found.items() if not bool((gradient != 0).any())]
    evidence.add(
        f"parameters without a gradient, of {len(found)}", len(without), 0, ", ".join(without)
    )


def _start(subject: Subject, evidence: Evidence) -> None:
    """Nats of the untrained model, as training begins with it."""
    model = subject.fresh()
    outcomes = subject.vocabulary_size if subject.kind == "language_model" else len(subject.labels)
    loss, _ = _task_and_batch(subject)
    with torch.no_grad():
        sums = loss(model)
    nats = float(sums.nats / sums.targets)
    guess = math.log(outcomes)
    evidence.add(
        f"first loss {nats:.3f} against ln({outcomes:,}) = {guess:.3f}, share",
        abs(nats - guess) / guess,
        _START,
    )


def _by_heart(subject: Subject, evidence: Evidence) -> None:
    loss, batch = _task_and_batch(subject)
    best, rate, moved = math.inf, 0.0, None
    for rate in _RATES:
        best, updates, moved = _train(subject, loss, batch, rate)
        if best <= _LEARNED:
            evidence.notes.append(f"one batch learned in {updates} updates")
            break
    evidence.add(f"loss left of one batch after training (Adam {rate:g}), share", best, _LEARNED)
    if moved is not None:
        evidence.add("change of the vector of padding in training", moved, 0.0)


def _train(
    subject: Subject, loss: Callable[[Any], Any], batch: Any, rate: float
) -> tuple[float, int, float | None]:
    """What share of the loss is left, after how many updates, and how far padding's vector went."""
    model = subject.fresh()  # in evaluation mode: dropout would keep it from learning by heart
    module = OPTIMIZERS.load("adam")
    optimizer = module.Optimizer(
        [(name, p) for name, p in model.named_parameters() if p.requires_grad],
        module.Options(lr=rate),
    )
    before = _padding_row(model)
    first, left, updates = None, math.inf, 0
    steps = training_steps(
        model,
        lambda model, batch: loss(model),
        _repeat(batch, _UPDATES),
        optimizer,
        learning_rate=lambda: rate,
        clip_norm=1.0,
        first_step=0,
    )
    for step in steps:
        updates += 1
        nats = step.loss.nats / step.loss.targets
        first = nats if first is None else first
        left = nats / first
        if left <= _LEARNED:
            break
    after = _padding_row(model)
    moved = None
    if before is not None and after is not None:
        moved = float((after - before).abs().max())
    return left, updates, moved


def _repeat(batch: Any, times: int) -> Iterator[Any]:
    for _ in range(times):
        yield batch


def _padding_row(model: Any) -> Tensor | None:
    row = model.embedding.padding_idx
    return None if row is None else model.embedding.weight[row].detach().clone()
