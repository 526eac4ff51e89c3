"""Recurrent layers: equal to the equations and to torch.nn, and blind to padding and batch mates.

Every registered cell gets the property tests; parity is tested where an oracle or a torch.nn
counterpart is known.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnnlab.diagnosis import kernel
from rnnlab.nn.recurrent import Recurrent, reversal, reverse
from rnnlab.registry import CELLS

from . import oracle

DIM, HIDDEN = 3, 4
TORCH = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}

Results = dict[str, Tensor]


@dataclass(frozen=True)
class Case:
    """A network's shape, the sequences it reads, and the seed of all numbers."""

    lengths: tuple[int, ...]
    num_layers: int = 1
    bidirectional: bool = False
    seed: int = 0


def cases(max_length: int = 6, max_batch: int = 4) -> st.SearchStrategy[Case]:
    lengths = st.lists(st.integers(1, max_length), min_size=1, max_size=max_batch).map(tuple)
    return st.builds(
        Case,
        lengths=lengths,
        num_layers=st.integers(1, 3),
        bidirectional=st.booleans(),
        seed=st.integers(0, 2**20),
    )


def variants() -> list[Any]:
    """Each cell with its defaults, and once more per value of each choice among its settings."""
    found = []
    for name in sorted(CELLS.names):
        options = CELLS.load(name).Options
        found.append(pytest.param(name, options(), id=name))
        for key, field in options.model_fields.items():
            if get_origin(field.annotation) is Literal:
                found += [
                    pytest.param(name, options(**{key: value}), id=f"{name}-{value}")
                    for value in get_args(field.annotation)
                    if value != field.default
                ]
    return found


def variants_in(known: Any) -> list[Any]:
    return [variant for variant in variants() if variant.values[0] in known]


def build(name: str, options: Any, case: Case, dropout: float = 0.0) -> Recurrent:
    torch.manual_seed(case.seed)
    layer = Recurrent(
        CELLS.load(name),
        options,
        input_size=DIM,
        hidden_size=HIDDEN,
        num_layers=case.num_layers,
        bidirectional=case.bidirectional,
        dropout=dropout,
    )
    return layer.double()


def counterpart(name: str, options: Any, case: Case) -> nn.RNNBase:
    settings = {"nonlinearity": options.activation} if name == "rnn" else {}
    layer = TORCH[name](
        DIM,
        HIDDEN,
        case.num_layers,
        batch_first=True,
        bidirectional=case.bidirectional,
        **settings,
    )
    return layer.double()


def sequences(case: Case) -> list[Tensor]:
    generator = torch.Generator().manual_seed(case.seed + 1)
    return [
        torch.randn(length, DIM, generator=generator, dtype=torch.float64)
        for length in case.lengths
    ]


def pad(pieces: list[Tensor], *, extra: int = 0, garbage: int | None = None) -> Tensor:
    """Stack sequences of unlike length; padding is zero, or noise drawn from a seed."""
    x_BTD = torch.zeros(len(pieces), max(len(p) for p in pieces) + extra, DIM, dtype=torch.float64)
    if garbage is not None:
        x_BTD.normal_(0, 100, generator=torch.Generator().manual_seed(garbage))
    for row, piece in enumerate(pieces):
        x_BTD[row, : len(piece)] = piece
    return x_BTD


def padding(case: Case, time: int) -> Tensor:
    return torch.arange(time) >= torch.tensor(case.lengths).unsqueeze(1)


def coefficients(case: Case) -> tuple[Tensor, Tensor]:
    """Random weights of outputs and final states in a scalar loss, for gradients."""
    generator = torch.Generator().manual_seed(case.seed + 2)
    width = HIDDEN * (2 if case.bidirectional else 1)
    on_outputs = torch.randn(
        len(case.lengths), max(case.lengths), width, generator=generator, dtype=torch.float64
    )
    on_finals = torch.randn(len(case.lengths), width, generator=generator, dtype=torch.float64)
    return on_outputs, on_finals


def collect(layer: nn.Module, case: Case, x: Tensor, outputs: Tensor, finals: Tensor) -> Results:
    """Outputs, final states, and the gradient of a random scalar of both."""
    on_outputs, on_finals = coefficients(case)
    time = on_outputs.shape[1]
    loss = (outputs[:, :time] * on_outputs).sum() + (finals * on_finals).sum()
    names = [name for name, _ in layer.named_parameters()]
    gradients = torch.autograd.grad(loss, [x, *layer.parameters()])
    return {
        "outputs": outputs.detach(),
        "finals": finals.detach(),
        **dict(zip(["input", *names], gradients, strict=True)),
    }


def run(layer: Recurrent, case: Case, x_BTD: Tensor) -> Results:
    x_BTD = x_BTD.clone().requires_grad_()
    return collect(layer, case, x_BTD, *layer(x_BTD, torch.tensor(case.lengths)))


def run_torch(layer: nn.RNNBase, case: Case, x_BTD: Tensor) -> Results:
    x_BTD = x_BTD.clone().requires_grad_()
    packed, last = layer(
        pack_padded_sequence(x_BTD, case.lengths, batch_first=True, enforce_sorted=False)  # type: ignore[arg-type]
    )
    outputs, _ = pad_packed_sequence(packed, batch_first=True)
    last = last[0] if isinstance(last, tuple) else last
    finals = torch.cat(list(last[-2:] if case.bidirectional else last[-1:]), dim=-1)
    return collect(layer, case, x_BTD, outputs, finals)


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


def arrays(layer: nn.Module) -> dict[str, np.ndarray]:
    return {name: value.detach().numpy().copy() for name, value in layer.named_parameters()}


def assert_equals_oracle(layer: Recurrent, name: str, case: Case, weights: dict[str, Any]) -> None:
    """Outputs, final states and all gradients against the oracle with `weights`."""
    pieces = sequences(case)
    found = run(layer, case, pad(pieces))
    on_outputs, on_finals = coefficients(case)

    def unroll(x_TD: Any, weights: dict[str, Any]) -> tuple[Any, Any]:
        return oracle.recurrent(
            name,
            layer.options,
            x_TD,
            weights,
            num_layers=case.num_layers,
            bidirectional=case.bidirectional,
        )

    def loss(row: int, x_TD: Any, weights: dict[str, Any]) -> Any:
        outputs, final = unroll(x_TD, weights)
        on_row = on_outputs[row, : len(x_TD)].numpy()
        return (outputs * on_row).sum() + (final * on_finals[row].numpy()).sum()

    random = np.random.default_rng(case.seed)
    for row, piece in enumerate(pieces):
        x_TD = piece.numpy()
        outputs, final = unroll(x_TD, weights)
        assert_close(found["outputs"][row, : len(piece)], torch.from_numpy(outputs), what="outputs")
        assert_close(found["finals"][row], torch.from_numpy(final), what="finals")
        direction = random.standard_normal(x_TD.shape)
        slope = oracle.derivative(lambda x, row=row: loss(row, x, weights), x_TD, direction)
        gradient = found["input"][row, : len(piece)].numpy()
        assert abs(slope - (gradient * direction).sum()) <= 1e-12 * np.abs(gradient).sum(), "input"
    for key, value in weights.items():
        direction = random.standard_normal(value.shape)

        def total(changed: Any, key: str = key) -> Any:
            swapped = {**weights, key: changed}
            return sum(loss(row, piece.numpy(), swapped) for row, piece in enumerate(pieces))

        slope = oracle.derivative(total, value, direction)
        gradient = found[key].numpy()
        assert abs(slope - (gradient * direction).sum()) <= 1e-12 * np.abs(gradient).sum(), key


@pytest.mark.parametrize(("name", "options"), variants_in(oracle.STEPS))
@settings(max_examples=8, deadline=None)
@given(case=cases(max_length=5, max_batch=3))
@example(case=Case((1,)))
@example(case=Case((3, 1, 4), 2, True))
def test_outputs_states_and_gradients_follow_the_equations(name, options, case):
    layer = build(name, options, case)
    assert_equals_oracle(layer, name, case, arrays(layer))


@pytest.mark.parametrize(("name", "options"), variants_in(TORCH))
@settings(max_examples=20, deadline=None)
@given(case=cases(max_length=9, max_batch=6))
@example(case=Case((1,), 3, True))
@example(case=Case((1, 1, 1), 2, True))
@example(case=Case((5, 5, 5), 2, True))
@example(case=Case((2, 9, 1, 4), 3, True))
def test_parity_with_torch_over_packed_sequences(name, options, case):
    layer, reference = build(name, options, case), counterpart(name, options, case)
    reference.load_state_dict(layer.state_dict())
    x_BTD = pad(sequences(case))
    assert_same(run(layer, case, x_BTD), run_torch(reference, case, x_BTD))


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("name", "options"), variants_in(TORCH))
def test_state_dicts_interchange_with_torch(name, options, bidirectional):
    case = Case((4, 2), 2, bidirectional)
    x_BTD = pad(sequences(case))
    layer, reference = build(name, options, case), counterpart(name, options, case)
    assert list(layer.state_dict()) == list(reference.state_dict())
    layer.load_state_dict(reference.state_dict())
    assert_same(run(layer, case, x_BTD), run_torch(reference, case, x_BTD))
    layer.reset_parameters()
    reference.load_state_dict(layer.state_dict())
    assert_same(run(layer, case, x_BTD), run_torch(reference, case, x_BTD))


def swapped_gates() -> list[Any]:
    return [
        pytest.param(name, first, second, id=f"{name}-{first}-{second}")
        for name in sorted(oracle.STEPS)
        for first, second in itertools.combinations(range(CELLS.load(name).GATES), 2)
    ]


@pytest.mark.parametrize(("name", "first", "second"), swapped_gates())
def test_a_swap_of_two_gates_is_noticed(name, first, second):
    case = Case((3, 2), seed=5)
    layer = build(name, CELLS.load(name).Options(), case)
    weights = arrays(layer)
    assert_equals_oracle(layer, name, case, weights)
    order = list(range(CELLS.load(name).GATES))
    order[first], order[second] = second, first
    mutated = {
        key: np.concatenate([np.split(value, len(order))[block] for block in order])
        for key, value in weights.items()
    }
    with pytest.raises(AssertionError, match="outputs"):
        assert_equals_oracle(layer, name, case, mutated)


@pytest.mark.parametrize("name", sorted(oracle.STEPS))
def test_a_swap_of_two_directions_is_noticed(name):
    case = Case((3, 2), bidirectional=True, seed=5)
    layer = build(name, CELLS.load(name).Options(), case)
    weights = arrays(layer)
    mutated = {}
    for key in weights:
        base = key.removesuffix("_reverse")
        mutated[key] = weights[base if base != key else f"{key}_reverse"]
    with pytest.raises(AssertionError, match="outputs"):
        assert_equals_oracle(layer, name, case, mutated)


def test_the_gru_tells_its_two_biases_apart():
    case = Case((3, 2), seed=5)
    layer = build("gru", CELLS.load("gru").Options(), case)
    weights = arrays(layer)
    weights["bias_ih_l0"], weights["bias_hh_l0"] = weights["bias_hh_l0"], weights["bias_ih_l0"]
    with pytest.raises(AssertionError, match="outputs"):
        assert_equals_oracle(layer, "gru", case, weights)


@pytest.mark.parametrize(("name", "options"), variants())
@settings(max_examples=12, deadline=None)
@given(case=cases(), extra=st.integers(0, 4))
@example(case=Case((1, 5), 2, True), extra=3)
def test_content_and_amount_of_padding_change_nothing(name, options, case, extra):
    layer = build(name, options, case)
    pieces = sequences(case)
    clean = run(layer, case, pad(pieces))
    dirty = run(layer, case, pad(pieces, extra=extra, garbage=case.seed))
    time = max(case.lengths)
    past = padding(case, time + extra)
    assert bool((dirty["outputs"][past] == 0).all())
    assert bool((dirty["input"][past] == 0).all())
    cut = {key: dirty[key][:, :time] for key in ("outputs", "input")}
    assert_same({**dirty, **cut}, clean)


@pytest.mark.parametrize(("name", "options"), variants())
@settings(max_examples=12, deadline=None)
@given(case=cases(), data=st.data())
def test_batch_mates_and_their_order_change_nothing(name, options, case, data):
    layer = build(name, options, case)
    pieces = sequences(case)
    together = run(layer, case, pad(pieces, garbage=1))
    order = data.draw(st.permutations(range(len(pieces))))
    lengths = torch.tensor(case.lengths)
    outputs, finals = layer(pad([pieces[row] for row in order], garbage=2), lengths[order])
    assert_close(outputs, together["outputs"][order])
    assert_close(finals, together["finals"][order])
    on_outputs, on_finals = coefficients(case)
    for row, piece in enumerate(pieces):
        alone_1TD = piece.unsqueeze(0).requires_grad_()
        outputs, finals = layer(alone_1TD, lengths[row : row + 1])
        loss = (outputs[0] * on_outputs[row, : len(piece)]).sum() + finals[0] @ on_finals[row]
        (gradient,) = torch.autograd.grad(loss, alone_1TD)
        assert_close(together["outputs"][row, : len(piece)], outputs[0])
        assert_close(together["finals"][row], finals[0])
        assert_close(together["input"][row, : len(piece)], gradient[0])


@pytest.mark.parametrize(("name", "options"), variants())
def test_finals_are_the_outputs_at_each_sequences_own_ends(name, options):
    case = Case((4, 1, 6), 2, True)
    found = run(build(name, options, case), case, pad(sequences(case), garbage=0))
    for row, length in enumerate(case.lengths):
        last, first = found["outputs"][row, length - 1], found["outputs"][row, 0]
        expected = torch.cat([last[:HIDDEN], first[HIDDEN:]])
        assert torch.equal(found["finals"][row], expected)


@pytest.mark.parametrize(("name", "options"), variants())
def test_the_backward_direction_is_the_forward_one_on_reversed_sequences(name, options):
    case = Case((4, 1, 6), 1, True)
    both = build(name, options, case)
    forward = build(name, options, Case(case.lengths))
    backward = {k.removesuffix("_reverse"): v for k, v in both.state_dict().items() if "rev" in k}
    forward.load_state_dict(backward)
    pieces = sequences(case)
    outputs, finals = both(pad(pieces), torch.tensor(case.lengths))
    turned, ends = forward(pad([piece.flip(0) for piece in pieces]), torch.tensor(case.lengths))
    assert_close(finals[:, HIDDEN:], ends)
    for row, length in enumerate(case.lengths):
        assert_close(outputs[row, :length, HIDDEN:].flip(0), turned[row, :length])


@settings(max_examples=25, deadline=None)
@given(lengths=st.lists(st.integers(1, 7), min_size=1, max_size=5), extra=st.integers(0, 2))
def test_reversal_stays_within_each_sequence_and_undoes_itself(lengths, extra):
    time = max(lengths) + extra
    x_TBD = torch.randn(time, len(lengths), 2, dtype=torch.float64, requires_grad=True)
    order = reversal(torch.tensor(lengths), time)
    turned = reverse(x_TBD, order)
    for row, length in enumerate(lengths):
        assert torch.equal(turned[:length, row], x_TBD[:length, row].flip(0))
        assert torch.equal(turned[length:, row], x_TBD[length:, row])
    assert torch.equal(reverse(turned, order), x_TBD)
    weights = torch.randn_like(x_TBD)
    (gradient,) = torch.autograd.grad((turned * weights).sum(), x_TBD)
    assert torch.equal(gradient, reverse(weights, order))


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("name", "options"), variants())
def test_dropout_acts_between_layers_and_in_training_only(name, options, bidirectional):
    case = Case((5, 3), 3, bidirectional)
    layer, plain = build(name, options, case, dropout=0.5), build(name, options, case)
    x_BTD, lengths = pad(sequences(case)), torch.tensor(case.lengths)
    expected = plain(x_BTD, lengths)
    layer.train()
    assert not torch.allclose(layer(x_BTD, lengths)[0], expected[0], rtol=0, atol=1e-3)
    assert not torch.equal(layer(x_BTD, lengths)[0], layer(x_BTD, lengths)[0])
    layer.eval()
    for actual, wanted in zip(layer(x_BTD, lengths), expected, strict=True):
        assert torch.equal(actual, wanted)

    seen: list[Tensor] = []
    layer.train()
    layer.dropout.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0]))
    torch.manual_seed(0)
    outputs, _ = layer(x_BTD, lengths)
    assert len(seen) == case.num_layers - 1
    assert seen[0].shape == (5, 2, layer.output_size)
    real = ~padding(case, 5)
    assert bool((outputs[real] != 0).any(dim=1).all()), "dropped after the last layer"


@pytest.mark.parametrize(("name", "options"), variants())
def test_dropout_in_training_equals_layers_run_apart_with_the_same_masks(name, options):
    case = Case((5, 3), 2, True)
    layer = build(name, options, case, dropout=0.4).train()
    x_BTD, lengths = pad(sequences(case)), torch.tensor(case.lengths)
    masks: list[Tensor] = []
    hook = layer.dropout.register_forward_hook(
        lambda _module, inputs, output: masks.append(
            torch.where(inputs[0] == 0, 0, output / inputs[0])
        )
    )
    outputs, finals = layer(x_BTD, lengths)
    hook.remove()
    scale = masks[0].detach()
    assert set(scale.unique().round(decimals=9).tolist()) <= {0.0, round(1 / 0.6, 9)}
    layer.dropout = _Times(scale)  # type: ignore[assignment]
    for actual, wanted in zip(layer(x_BTD, lengths), (outputs, finals), strict=True):
        assert_close(actual, wanted)


class _Times(nn.Module):
    """Multiply by a given mask."""

    def __init__(self, scale: Tensor) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


def test_dropout_with_one_layer_does_nothing():
    case = Case((5, 3))
    layer = build("lstm", CELLS.load("lstm").Options(), case, dropout=0.9).train()
    x_BTD, lengths = pad(sequences(case)), torch.tensor(case.lengths)
    assert torch.equal(layer(x_BTD, lengths)[0], layer(x_BTD, lengths)[0])


@pytest.mark.parametrize(("name", "options"), variants())
@settings(max_examples=15, deadline=None)
@given(case=cases(max_length=12, max_batch=8))
@example(case=Case((40, 1, 17, 40), 3, True))
def test_float32_as_shipped_agrees_with_float64(name, options, case):
    layer = build(name, options, case).float()
    x_BTD = pad(sequences(case)).float()
    on_outputs, on_finals = (value.float() for value in coefficients(case))
    x_BTD.requires_grad_()
    outputs, finals = layer(x_BTD, torch.tensor(case.lengths))
    assert outputs.dtype == torch.float32
    loss = (outputs * on_outputs).sum() + (finals * on_finals).sum()
    gradients = torch.autograd.grad(loss, [x_BTD, *layer.parameters()])
    names = ["input", *(name for name, _ in layer.named_parameters())]
    shipped = {"outputs": outputs, "finals": finals, **dict(zip(names, gradients, strict=True))}

    exact = layer.double()  # the same numbers: float32 converts without rounding
    expected = run(exact, case, x_BTD.detach().double())
    shipped = {key: value.detach().double() for key, value in shipped.items()}
    assert_same(shipped, expected, tolerance=1e-5)


@pytest.mark.parametrize(("name", "options"), variants())
def test_without_gradients_the_numbers_are_the_same(name, options):
    case = Case((6, 2, 4), 2, True)
    layer = build(name, options, case).float()
    x_BTD, lengths = pad(sequences(case)).float(), torch.tensor(case.lengths)
    trained = layer.train()(x_BTD, lengths)
    with torch.inference_mode():
        shipped = layer.eval()(x_BTD, lengths)
    for actual, wanted in zip(shipped, trained, strict=True):
        assert_close(actual, wanted.detach(), 1e-6)


@pytest.mark.parametrize(("name", "options"), variants())
def test_layout_of_parameters_and_their_range(name, options):
    case = Case((1,), 2, True)
    layer = build(name, options, case)
    rows = CELLS.load(name).GATES * HIDDEN
    assert len(list(layer.parameters())) == 4 * 2 * 2
    for layer_index, width in ((0, DIM), (1, 2 * HIDDEN)):
        for suffix in ("", "_reverse"):
            shapes = [tuple(value.shape) for value in layer.weights(layer_index, suffix)]
            assert shapes == [(rows, width), (rows, HIDDEN), (rows,), (rows,)]
    values = torch.cat([parameter.flatten() for parameter in layer.parameters()])
    bound = HIDDEN**-0.5
    assert 0.9 * bound < float(values.detach().abs().max()) <= bound
    assert values.unique().numel() > 0.99 * values.numel()


@pytest.mark.parametrize("name", sorted(CELLS.names))
def test_the_kernel_named_by_the_diagnosis_is_the_one_that_trains(name, record_property):
    """Which kernel it is depends on the machine; that the two agree does not."""
    named = kernel(CELLS.load(name))
    record_property(f"float32 kernel of {name}", named)
    layer = build(name, CELLS.load(name).Options(), Case((1,), 2, True)).float()
    x_BTD = pad(sequences(Case((20,) * 16))).float().requires_grad_()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        layer(x_BTD, torch.full((16,), 20))[0].sum().backward()
    operators = {event.key for event in profile.key_averages()}
    assert ("oneDNN" in named) == any("mkldnn_rnn" in operator for operator in operators)
