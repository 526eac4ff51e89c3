"""Gradients: back-propagation derived by hand = autograd = finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnnlab.nn.recurrent import Recurrent
from rnnlab.registry import CELLS
from rnnlab.verify import handmade
from rnnlab.verify.checks.reference import recurrences
from rnnlab.verify.evidence import TOLERANCE, Evidence, Exhibit, shown
from rnnlab.verify.examples import Example, batch_of
from rnnlab.verify.subject import Subject
from rnnlab.verify.weights import draw, gradients

NUMBER = 6
TITLE = "gradients by hand"
PROVES = (
    "Back-propagation through time derived by hand in NumPy gives the gradients that training "
    "uses, and so do finite differences."
)
ADVICE = (
    "A gradient is wrong: look at custom backward passes, in-place changes, and at anything "
    "detached that should not be."
)
READS = ("model", "data")

_STEPS = 7
_VARIANTS = (
    ("rnn", {"activation": "tanh"}),
    ("lstm", {"activation": "tanh"}),
    ("gru", {"reset": "after"}),
    ("gru", {"reset": "before"}),
)
_SIX = ("W_xz", "W_hz", "W_xg", "W_hg", "W_xr", "W_hr")
_EPSILONS = (1e-3, 1e-4, 1e-5)  # the first that a kink (relu, a maximum) does not disturb
_STENCIL = {1: 45 / 60, 2: -9 / 60, 3: 1 / 60}  # of a first derivative, exact to order six


def run(subject: Subject) -> Evidence:
    """Compare hand, autograd and finite differences."""
    subject.require("network", "language_model", reason="it is not trained by gradients")
    evidence = Evidence()
    model = subject.network()
    if model.encoder is not None:
        for part in recurrences(model):
            _own_layers(evidence, getattr(model, part), part)
        for name, settings in _VARIANTS:
            _by_hand(evidence, _layer(name, settings, inputs=5, hidden=4), f"{name} {settings}")
        _six(evidence)
    _finite_differences(subject, evidence)
    return evidence


def _layer(name: str, settings: dict[str, Any], *, inputs: int, hidden: int) -> Recurrent:
    cell = CELLS.load(name)
    layer = Recurrent(
        cell, cell.Options.model_validate(settings), input_size=inputs, hidden_size=hidden
    )
    draw(layer, seed=1)
    return layer.double()


def _own_layers(evidence: Evidence, encoder: Recurrent, part: str) -> None:
    """Each layer and direction of the model, by itself."""
    name = encoder.cell.__name__.rpartition(".")[2]
    if name not in ("rnn", "lstm", "gru"):
        evidence.notes.append(f"the cell {name} has not been derived by hand")
        return
    for layer in range(encoder.num_layers):
        for suffix in encoder.suffixes:
            weights = encoder.weights(layer, suffix)
            width = weights[0].shape[1]
            one = _layer(
                name, encoder.options.model_dump(), inputs=width, hidden=encoder.hidden_size
            )
            with torch.no_grad():
                for own, tensor in zip(one.weights(0, ""), weights, strict=True):
                    own.copy_(tensor)
            _by_hand(evidence, one, f"this model's {name}, {part} l{layer}{suffix}")


def _by_hand(evidence: Evidence, layer: Recurrent, what: str) -> None:
    name = layer.cell.__name__.rpartition(".")[2]
    what = what.replace("{", "").replace("}", "").replace("'", "")
    generator = torch.Generator().manual_seed(2)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    x = random(1, _STEPS, layer.weights(0, "")[0].shape[1]).requires_grad_()
    state = tuple(random(1, 1, layer.hidden_size) for _ in range(layer.cell.STATES))
    state = tuple(part.requires_grad_() for part in state)
    outputs, _, _ = layer(x, None, state)
    on_outputs = random(*outputs.shape)
    weights = layer.weights(0, "")
    inputs = {
        **dict(zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), weights, strict=True)),
        "x": x,
        **dict(zip(("h", "c"), state, strict=False)),
    }
    found = torch.autograd.grad((outputs * on_outputs).sum(), list(inputs.values()))
    by_hand_outputs, backward = handmade.sequence(
        name,
        layer.options.model_dump(),
        x.detach().numpy()[0],
        tuple(part.detach().numpy()[0, 0] for part in state),
        tuple(w.detach().numpy() for w in weights),  # pyright: ignore[reportArgumentType]
    )
    by_hand = backward(on_outputs.numpy()[0])
    evidence.compare(f"{what}: outputs", outputs[0], torch.from_numpy(by_hand_outputs))
    evidence.compare_gradients(
        f"{what}: gradients",
        {key: value.reshape(by_hand[key].shape) for key, value in zip(inputs, found, strict=True)},
        {key: torch.from_numpy(by_hand[key]) for key in inputs},
    )


def _six(evidence: Evidence) -> None:
    """System E's six gradients by name, against the product's GRU with the reset before."""
    batch, inputs, hidden = 6, 5, 4
    generator = np.random.default_rng(3)
    weights = {
        name: generator.standard_normal((inputs if name[2] == "x" else hidden, hidden))
        for name in _SIX
    }
    x, h = generator.standard_normal((batch, inputs)), generator.standard_normal((batch, hidden))
    on_h = generator.standard_normal((batch, hidden))
    outputs, expected = handmade.gru_step_gradients(x, h, weights, on_h)
    layer = _layer("gru", {"reset": "before"}, inputs=inputs, hidden=hidden)
    blocks = {"ih": ("W_xr", "W_xz", "W_xg"), "hh": ("W_hr", "W_hz", "W_hg")}
    with torch.no_grad():
        for part, names in blocks.items():
            whole = np.concatenate([weights[name].T for name in names])
            layer.get_parameter(f"weight_{part}_l0").copy_(torch.from_numpy(whole))
            layer.get_parameter(f"bias_{part}_l0").zero_()
    found_h, _, _ = layer(
        torch.from_numpy(x).unsqueeze(1), None, (torch.from_numpy(h).unsqueeze(0),)
    )
    evidence.compare("system E's GRU step", found_h[:, 0], torch.from_numpy(outputs))
    found = gradients(layer, (found_h[:, 0] * torch.from_numpy(on_h)).sum())
    rows = []
    for part, names in blocks.items():
        parts = found[f"weight_{part}_l0"].chunk(3)
        for name, block in zip(names, parts, strict=True):
            by_hand = torch.from_numpy(expected[name])
            evidence.compare(f"system E's {name}", block.T, by_hand)
            gap = evidence.findings[-1].difference
            rows.append([name, f"{expected[name][0, 0]:+.10f}", f"{block[0, 0]:+.10f}", shown(gap)])
    rows.sort(key=lambda row: _SIX.index(row[0]))
    evidence.exhibits.append(
        Exhibit(
            "gradients of a GRU step (reset before the product), first entry of each",
            ["weight", "by hand", "autograd", "difference"],
            rows,
        )
    )


def _finite_differences(subject: Subject, evidence: Evidence) -> None:
    """The slope along a random direction of each parameter, from values of the loss alone."""
    model = subject.network()
    loss = _loss(subject, model)
    analytic = gradients(model, loss())
    scale = max(float(gradient.norm()) for gradient in analytic.values())
    generator = torch.Generator().manual_seed(4)
    worst = ("", 0.0)
    for name, gradient in analytic.items():
        parameter = model.get_parameter(name)
        direction = torch.randn(gradient.shape, generator=generator, dtype=torch.float64)
        direction = torch.where(gradient != 0, direction, 0.0)  # of a table, the rows that are read
        direction /= max(float(direction.norm()), 1e-300)
        slope = float((gradient * direction).sum())
        gap = math.inf
        for epsilon in _EPSILONS:
            gap = min(gap, abs(_slope(loss, parameter, direction, epsilon) - slope) / scale)
            if gap <= TOLERANCE[torch.float64]:
                break
        if not gap <= worst[1]:
            worst = (name, gap)
    evidence.add(
        "finite differences = gradients, float64", worst[1], TOLERANCE[torch.float64], worst[0]
    )


def _loss(subject: Subject, model: Any) -> Callable[[], Tensor]:
    if subject.kind == "language_model":
        from rnnlab.tasks.language_modeling import LanguageModeling, Window

        rows = subject.windows[:2, :8]
        window = Window(rows[:, :-1], rows[:, 1:])
        return lambda: LanguageModeling().loss_sum(model, window).nats
    batch = batch_of([Example(one.tokens[:_STEPS], one.label) for one in subject.examples])
    return lambda: subject.task.loss_sum(model, batch).nats


@torch.no_grad()
def _slope(
    loss: Callable[[], Tensor], parameter: Tensor, direction: Tensor, epsilon: float
) -> float:
    kept, total = parameter.detach().clone(), 0.0
    for steps, weight in _STENCIL.items():
        for sign in (1, -1):
            parameter.copy_(kept + sign * steps * epsilon * direction)
            total += sign * weight * float(loss())
    parameter.copy_(kept)
    return total / epsilon
