"""Carry: a sequence in pieces with carried state = in one piece; gradients end at the cut."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnnlab.verify.evidence import Evidence, NotApplicable
from rnnlab.verify.examples import token_losses
from rnnlab.verify.subject import Subject
from rnnlab.verify.weights import gradients

NUMBER = 5
TITLE = "carried state"
PROVES = (
    "A sequence in chunks with carried state is the sequence in one piece, and perplexity does not "
    "depend on the window."
)
ADVICE = (
    "The state is lost or changed between windows, or gradients run through it: carry what the "
    "model returned, detached, and reset it only at an epoch's beginning."
)
READS = ("model", "data")

_CUTS = (1, 5, 6, 12)


def run(subject: Subject) -> Evidence:
    """Compare chunks with the whole."""
    subject.require("network", "language_model", reason="it has no state to carry")
    evidence = Evidence()
    if subject.kind == "language_model":
        _stream(subject, evidence)
        return evidence
    model = subject.network()
    if model.encoder is None:
        raise NotApplicable("it has no recurrence, and no state to carry")
    if len(model.encoder.suffixes) == 2:
        raise NotApplicable("it reads both ways, so a text has to be there as a whole")
    generator = torch.Generator().manual_seed(0)
    width = model.encoder.weights(0, "")[0].shape[1]
    x_BTD = torch.randn(3, _CUTS[-1], width, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        whole, _, last = model.encoder(x_BTD, None)
        outputs, state = _in_chunks(lambda x, state: _ordered(model.encoder(x, None, state)), x_BTD)
    evidence.compare("outputs in chunks = in one piece, float64", outputs, whole)
    evidence.compare("states after them, float64", _flat(state), _flat(last))
    return evidence


def _flat(state: Any) -> Tensor:
    """All numbers of a state; layers may be of different widths."""
    return torch.cat([part.flatten() for part in state])


def _ordered(result: Any) -> tuple[Tensor, Any]:
    outputs, _, state = result
    return outputs, state


def _in_chunks(forward: Any, inputs: Tensor) -> tuple[Tensor, Any]:
    outputs, state, start = [], None, 0
    for end in _CUTS:
        out, state = forward(inputs[:, start:end], state)
        outputs.append(out)
        start = end
    return torch.cat(outputs, dim=1), state


def _stream(subject: Subject, evidence: Evidence) -> None:
    from rnnlab.tasks.language_modeling import LanguageModeling, Window

    model, rows = subject.network(), subject.windows
    with torch.no_grad():
        whole, last = model(rows[:, :-1], None)
        outputs, state = _in_chunks(model, rows[:, :-1])
    evidence.compare("features in chunks = in one piece, float64", outputs, whole)
    evidence.compare("states after them, float64", _flat(state), _flat(last))

    stream = subject.practice_data.val
    figures = {
        window: LanguageModeling().score(model, stream, window).perplexity
        for window in (1, 7, 35, len(stream))
    }
    expected = torch.tensor(figures.pop(len(stream)), dtype=torch.float64)
    for window, figure in figures.items():
        found = torch.tensor(figure, dtype=torch.float64)
        evidence.compare(f"perplexity in windows of {window} = of all, float64", found, expected)

    task = LanguageModeling()
    first, second = Window(rows[:, :6], rows[:, 1:7]), Window(rows[:, 6:-1], rows[:, 7:])
    parts = [task.loss_sum(model, window).nats for window in (first, second)]
    with torch.no_grad():
        direct = token_losses(model, whole, rows[:, 1:]).sum()
    evidence.compare("training: loss in two windows = in one, float64", sum(parts), direct)
    with torch.no_grad():
        _, carried = model(first.inputs, None)
    features, _ = model(second.inputs, carried)
    alone = token_losses(model, features, second.targets).sum()
    evidence.compare_gradients(
        "training: gradients end where the window begins, float64",
        gradients(model, parts[1]),
        gradients(model, alone),
    )
