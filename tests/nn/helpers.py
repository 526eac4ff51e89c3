"""Random recurrent networks, what they read, and what they make of it, in each form.

Legend: B batch, T time, D input width, K output width.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, get_args, get_origin

import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnnlab.nn import compiled, reference
from rnnlab.nn.cells import State
from rnnlab.nn.recurrent import Recurrent
from rnnlab.registry import CELLS

from . import oracle

DIM = 3
MANY = (5, 1, 3, 5, 2, 4, 1, 5, 3, 2, 5, 4, 1, 2, 3)  # lengths of more rows than one block takes
TORCH = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}

Results = dict[str, Tensor]
Forward = Callable[[Tensor, Tensor, State | None], tuple[Tensor, Tensor, State]]


@dataclass(frozen=True)
class Case:
    """A network's shape, the lengths of what it reads, and the seed of all numbers."""

    lengths: tuple[int, ...]
    num_layers: int = 1
    bidirectional: bool = False
    carried: bool = False
    hidden: int = 4
    seed: int = 0


def cases(
    max_length: int = 6,
    max_batch: int = 4,
    hidden: Sequence[int] = (4, 8, 13),
    bidirectional: bool | None = None,
) -> st.SearchStrategy[Case]:
    some = st.lists(st.integers(1, max_length), min_size=1, max_size=max_batch)
    equal = st.builds(lambda length, batch: [length] * batch, some.map(max), some.map(len))
    return st.builds(
        Case,
        lengths=st.one_of(some, equal).map(tuple),
        num_layers=st.integers(1, 3),
        bidirectional=st.booleans() if bidirectional is None else st.just(bidirectional),
        carried=st.booleans(),
        hidden=st.sampled_from(hidden),
        seed=st.integers(0, 2**20),
    )


def variants() -> list[Any]:
    """Each cell with every combination of the choices among its settings."""
    found = []
    for name in sorted(CELLS.names):
        options = CELLS.load(name).Options
        choices = {
            key: get_args(field.annotation)
            for key, field in options.model_fields.items()
            if get_origin(field.annotation) is Literal
        }
        for values in itertools.product(*choices.values()):
            chosen = options(**dict(zip(choices, values, strict=True)))
            found.append(pytest.param(name, chosen, id="-".join([name, *values])))
    return found


def has_counterpart(name: str, options: Any) -> bool:
    """Whether torch.nn has this variant."""
    if name == "rnn":
        return options.activation != "sigmoid"
    return name in TORCH and options == CELLS.load(name).Options()


def _each(found: list[Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("name", "options"), found)


needs_kernel = pytest.mark.skipif(
    not compiled.available(), reason="the compiled kernel was not built for this processor"
)
each_form = pytest.mark.parametrize("form", [pytest.param("native", marks=needs_kernel), "dense"])
each_variant = _each(variants())
each_variant_in_torch = _each([each for each in variants() if has_counterpart(*each.values)])
each_variant_in_oracle = _each([each for each in variants() if each.values[0] in oracle.STEPS])


@contextmanager
def using(form: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        if form == "dense":
            patch.setattr(compiled, "available", lambda: False)
        yield


@contextmanager
def fresh_memory_is_nan() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    try:
        assert bool(torch.empty(3).isnan().all())
        yield
    finally:
        torch.use_deterministic_algorithms(False)


def kernel(form: str, layer: Recurrent) -> str:
    """What a layer has to name as its kernel in a form."""
    return compiled.name() if form == "native" and hasattr(layer.cell, "kind") else "torch"


def build(name: str, options: Any, case: Case, **settings: Any) -> Recurrent:
    torch.manual_seed(case.seed)
    layer = Recurrent(
        CELLS.load(name),
        options,
        input_size=DIM,
        hidden_size=case.hidden,
        num_layers=case.num_layers,
        bidirectional=case.bidirectional,
        **settings,
    )
    return layer.double()


def counterpart(name: str, options: Any, case: Case) -> nn.RNNBase:
    settings = {"nonlinearity": options.activation} if name == "rnn" else {}
    layer = TORCH[name](
        DIM,
        case.hidden,
        case.num_layers,
        batch_first=True,
        bidirectional=case.bidirectional,
        **settings,
    )
    return layer.double()


@dataclass(frozen=True)
class Problem:
    """What a network reads, and the weights of all that it returns in a scalar loss."""

    lengths: tuple[int, ...]
    x_BTD: Tensor
    state: State | None
    on: Results

    def pick(self, rows: Sequence[int]) -> Problem:
        """Some of the sequences, without padding that they do not need."""
        lengths = tuple(self.lengths[row] for row in rows)
        state = self.state and tuple(part[:, rows] for part in self.state)
        on = pick(self.on, rows, max(lengths))
        return Problem(lengths, self.x_BTD[rows, : max(lengths)], state, on)

    def padded(self, seed: int, extra: int = 0) -> Problem:
        """The same sequences with noise as padding, and more of it."""
        x_BTD = nn.functional.pad(self.x_BTD, (0, 0, 0, extra))
        noise = torch.randn(x_BTD.shape, generator=torch.Generator().manual_seed(seed))
        past_BT = self.padding(x_BTD.shape[1])
        x_BTD = torch.where(past_BT.unsqueeze(-1), 1e6 * noise.double(), x_BTD)
        return replace(self, x_BTD=x_BTD)

    def padding(self, time: int) -> Tensor:
        return torch.arange(time) >= torch.tensor(self.lengths).unsqueeze(1)

    def float(self) -> Problem:
        state = self.state and tuple(part.float() for part in self.state)
        return replace(self, x_BTD=self.x_BTD.float(), state=state)

    def double(self) -> Problem:
        state = self.state and tuple(part.double() for part in self.state)
        return replace(self, x_BTD=self.x_BTD.double(), state=state)

    def inputs(self) -> tuple[Tensor, Tensor, State | None]:
        """The arguments of a layer."""
        return self.x_BTD, torch.tensor(self.lengths), self.state


def pose(layer: Recurrent, case: Case, width: int = DIM) -> Problem:
    random = torch.Generator().manual_seed(case.seed + 1)
    noise = partial(torch.randn, generator=random, dtype=torch.float64)
    batch, time = len(case.lengths), max(case.lengths)
    carried = [(case.num_layers * len(layer.suffixes), batch, case.hidden)] * layer.cell.STATES
    on = {
        "outputs": noise(batch, time, layer.output_size),
        "final": noise(batch, layer.output_size),
        **{f"state {place}": noise(shape) for place, shape in enumerate(carried)},
    }
    state = tuple(noise(shape) for shape in carried) if case.carried else None
    problem = Problem(case.lengths, noise(batch, time, width), state, on)
    past_BT1 = problem.padding(time).unsqueeze(-1)
    return replace(problem, x_BTD=problem.x_BTD.masked_fill(past_BT1, 0.0))


def pick(found: Results, rows: Sequence[int], time: int | None = None) -> Results:
    """What belongs to some of the sequences: all but the gradients of parameters."""
    picked = {}
    for key, value in found.items():
        if key in ("outputs", "input"):
            picked[key] = value[rows, :time]
        elif key == "final":
            picked[key] = value[rows]
        elif key.startswith(("state", "initial")):
            picked[key] = value[:, rows]
    return picked


def scalar(problem: Problem, outputs: Tensor, final: Tensor, last: State) -> Tensor:
    """The loss whose gradients are looked at; outputs past its weights are left out."""
    found = {"outputs": outputs, "final": final}
    found |= {f"state {place}": part for place, part in enumerate(last)}
    if "outputs" in problem.on:
        found["outputs"] = outputs[:, : problem.on["outputs"].shape[1]]
    terms = [(found[key] * weights.to(final.dtype)).sum() for key, weights in problem.on.items()]
    return torch.stack(terms).sum()


def measure(forward: Forward, layer: nn.Module, problem: Problem) -> Results:
    """All that comes out, and all gradients of a random scalar of it, in double precision."""
    x_BTD, lengths_B, state = problem.inputs()
    x_BTD = x_BTD.clone().requires_grad_()
    state = state and tuple(part.clone().requires_grad_() for part in state)
    outputs, final, last = forward(x_BTD, lengths_B, state)
    sources = {"input": x_BTD, **dict(layer.named_parameters())}
    sources |= {f"initial {place}": part for place, part in enumerate(state or ())}
    loss = scalar(problem, outputs, final, last)
    gradients = torch.autograd.grad(loss, list(sources.values()))
    found = dict(zip(sources, gradients, strict=True))
    found |= {"outputs": outputs, "final": final}
    found |= {f"state {place}": part for place, part in enumerate(last)}
    return {key: value.detach().double() for key, value in found.items()}


def run(form: str, layer: Recurrent, problem: Problem) -> Results:
    with using(form):
        assert layer.kernel(problem.x_BTD) == kernel(form, layer)
        return measure(layer, layer, problem)


def run_reference(layer: Recurrent, problem: Problem) -> Results:
    return measure(partial(reference.recurrent, layer), layer, problem)


def run_torch(layer: nn.RNNBase, problem: Problem) -> Results:
    def forward(
        x_BTD: Tensor, lengths_B: Tensor, state: State | None
    ) -> tuple[Tensor, Tensor, State]:
        packed = pack_padded_sequence(x_BTD, lengths_B, batch_first=True, enforce_sorted=False)
        packed, last = layer(packed, state[0] if state and len(state) == 1 else state)
        last = last if isinstance(last, tuple) else (last,)
        top = last[0][-2:] if layer.bidirectional else last[0][-1:]
        outputs, _ = pad_packed_sequence(packed, batch_first=True)
        return outputs, torch.cat(list(top), dim=-1), last

    return measure(forward, layer, problem)


def arrays(layer: nn.Module) -> dict[str, np.ndarray]:
    return {name: value.detach().numpy().copy() for name, value in layer.named_parameters()}


def assert_close(
    actual: Tensor, expected: Tensor, tolerance: float = 1e-12, what: str = ""
) -> None:
    """Compare relative to the largest magnitude that is expected."""
    assert actual.shape == expected.shape, what
    actual, expected = actual.detach(), expected.detach()
    allowed = tolerance * float(expected.abs().max())
    error = float((actual - expected).abs().max())
    assert error <= allowed, f"{what}: off by {error}, allowed {allowed}"


def assert_same(actual: Results, expected: Results, tolerance: float = 1e-12) -> None:
    assert actual.keys() == expected.keys()
    for key in expected:
        assert_close(actual[key], expected[key], tolerance, key)
