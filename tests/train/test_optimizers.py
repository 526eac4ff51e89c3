"""Optimizers: step for step equal to torch.optim, and resumed bit for bit.

Every registered optimizer gets the generic tests; those with a torch counterpart are compared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from rnnlab.nn import compiled
from rnnlab.registry import OPTIMIZERS

NAMES = sorted(OPTIMIZERS.names)
SHAPES = {"weight": (4, 3), "bias": (4,), "scale": (), "late": (2, 2)}


def _betas(options: Any) -> dict[str, Any]:
    return {
        "betas": (options.beta1, options.beta2),
        "eps": options.eps,
        "weight_decay": options.weight_decay,
    }


COUNTERPARTS: dict[str, tuple[type[torch.optim.Optimizer], Callable[[Any], dict[str, Any]]]] = {
    "adam": (torch.optim.Adam, _betas),
    "adamw": (torch.optim.AdamW, _betas),
    "rmsprop": (
        torch.optim.RMSprop,
        lambda o: {"alpha": o.alpha, "eps": o.eps, "weight_decay": o.weight_decay},
    ),
    "sgd": (
        torch.optim.SGD,
        lambda o: {"momentum": o.momentum, "weight_decay": o.weight_decay},
    ),
}

_ADAM: list[dict[str, Any]] = [
    {},
    {"lr": 0.02, "weight_decay": 0.3},
    {"weight_decay": 0.0},
    {"beta1": 0.5, "beta2": 0.8, "eps": 0.1},
    {"beta1": 0.0, "weight_decay": 0.01},
]
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "adam": _ADAM,
    "adamw": _ADAM,
    "rmsprop": [{}, {"lr": 0.02, "weight_decay": 0.3}, {"alpha": 0.7, "eps": 0.1}, {"alpha": 0.05}],
    "sgd": [
        {},
        {"lr": 0.02, "weight_decay": 0.3},
        {"momentum": 0.9},
        {"momentum": 0.5, "weight_decay": 0.1},
    ],
}


def settings_of(names: list[str]) -> list[Any]:
    return [
        pytest.param(name, given, id=f"{name}-{','.join(given) or 'default'}-{number}")
        for name in names
        for number, given in enumerate(SETTINGS.get(name, [{}]))
    ]


def parameters(dtype: torch.dtype = torch.float64, seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(shape, generator=generator, dtype=torch.float64)
        .to(dtype)
        .requires_grad_()
        for name, shape in SHAPES.items()
    }


def gradients(step: int) -> dict[str, Tensor | None]:
    """Random numbers; one parameter has no gradient at the start and then every third step."""
    generator = torch.Generator().manual_seed(1000 + step)
    found: dict[str, Tensor | None] = {
        name: torch.randn(shape, generator=generator, dtype=torch.float64)
        for name, shape in SHAPES.items()
    }
    if step % 3 == 0:
        found["late"] = None
    return found


def rate(step: int, lr: float) -> float:
    return lr / (1 + step % 7)


def advance(optimizer: Any, steps: range) -> None:
    for step in steps:
        for name, gradient in gradients(step).items():
            parameter = optimizer.parameters[name]
            parameter.grad = None if gradient is None else gradient.to(parameter.dtype)
        optimizer.step(rate(step, optimizer.options.lr))
        optimizer.zero_grad()


def create(name: str, given: dict[str, Any], values: dict[str, Tensor]) -> Any:
    module = OPTIMIZERS.load(name)
    return module.Optimizer(values.items(), module.Options(**given))


@pytest.mark.parametrize("name", sorted(COUNTERPARTS))
def test_every_setting_is_among_those_compared(name):
    fields = set(OPTIMIZERS.load(name).Options.model_fields)
    assert set().union(*SETTINGS[name]) == fields, f"add the new setting of {name} to SETTINGS"


@pytest.mark.parametrize(("name", "given"), settings_of(sorted(COUNTERPARTS)))
def test_twenty_steps_equal_torchs(name, given):
    ours, theirs = parameters(), parameters()
    optimizer = create(name, given, ours)
    reference_class, translate = COUNTERPARTS[name]
    reference = reference_class(
        theirs.values(), lr=optimizer.options.lr, **translate(optimizer.options)
    )
    for step in range(20):
        advance(optimizer, range(step, step + 1))
        for key, gradient in gradients(step).items():
            theirs[key].grad = gradient
        reference.param_groups[0]["lr"] = rate(step, optimizer.options.lr)
        reference.step()
        for key, expected in theirs.items():
            allowed = 1e-12 * float(expected.detach().abs().max())
            torch.testing.assert_close(
                ours[key], expected, rtol=0, atol=allowed, msg=f"{key} after step {step}"
            )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(("name", "given"), settings_of(NAMES))
def test_a_stored_state_continues_bit_for_bit(name, given, dtype):
    whole = parameters(dtype)
    optimizer = create(name, given, whole)
    advance(optimizer, range(7))
    stored = safetensors.torch.save(optimizer.state_tensors())
    copies = {key: value.detach().clone().requires_grad_() for key, value in whole.items()}
    fresh = {key: value.detach().clone().requires_grad_() for key, value in whole.items()}
    advance(optimizer, range(7, 14))

    resumed = create(name, given, copies)
    resumed.load_state_tensors(safetensors.torch.load(stored))
    advance(resumed, range(7, 14))
    for key, expected in whole.items():
        assert torch.equal(copies[key], expected), key
    expected_state = optimizer.state_tensors()
    state = resumed.state_tensors()
    assert state.keys() == expected_state.keys()
    assert all(torch.equal(state[key], expected_state[key]) for key in state)

    forgetful = create(name, given, fresh)
    advance(forgetful, range(7, 14))
    same = all(torch.equal(fresh[key], whole[key]) for key in whole)
    assert same == (not state), "a state that makes no difference, or a hidden one"


@pytest.mark.parametrize("name", NAMES)
def test_an_incomplete_state_is_not_taken_over(name):
    optimizer = create(name, SETTINGS.get(name, [{}])[-1], parameters())
    stored = optimizer.state_tensors()
    if not stored:
        pytest.skip("keeps no state")
    stored.pop(sorted(stored)[0])
    with pytest.raises(KeyError):
        optimizer.load_state_tensors(stored)


@pytest.mark.parametrize(("name", "given"), settings_of(NAMES))
def test_parameters_without_gradient_stay_as_they_are(name, given):
    values = parameters()
    optimizer = create(name, given, values)
    before = {key: value.detach().clone() for key, value in values.items()}
    values["weight"].grad = torch.ones_like(values["weight"])
    optimizer.step(0.1)
    changed = {key for key, value in values.items() if not torch.equal(value, before[key])}
    assert changed == {"weight"}
    optimizer.zero_grad()
    assert all(value.grad is None for value in values.values())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_a_quadratic_goes_down_and_a_rate_of_zero_does_nothing(name, dtype):
    values = parameters(dtype)
    optimizer = create(name, {}, values)

    def loss() -> Tensor:
        return sum((value - 3).square().sum() for value in values.values())  # type: ignore[return-value]

    before = float(loss().detach())
    loss().backward()
    optimizer.step(0.0)
    assert float(loss().detach()) == before
    for _ in range(60):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step(0.02)
    assert float(loss().detach()) < 0.6 * before


@pytest.mark.parametrize("kernels", ["compiled", "torch"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize(("name", "given"), settings_of(NAMES))
def test_a_gradient_of_few_rows_updates_as_its_dense_form_does(
    name, given, dtype, kernels, monkeypatch
):
    table = torch.randn(9, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    sparse, dense = ({"table": table.to(dtype, copy=True).requires_grad_()} for _ in range(2))
    by_rows, plain = create(name, given, sparse), create(name, given, dense)
    if kernels == "torch":
        monkeypatch.setattr(compiled, "available", lambda: False)
    elif not compiled.available():
        pytest.skip("the compiled kernels were not built here")
    for step in range(12):
        generator = torch.Generator().manual_seed(step)
        places = torch.randperm(9, generator=generator)[:4].unsqueeze(0)
        values = torch.randn(4, 5, generator=generator, dtype=torch.float64).to(dtype)
        sparse["table"].grad = torch.sparse_coo_tensor(
            places, values, (9, 5), check_invariants=False
        )
        dense["table"].grad = sparse["table"].grad.to_dense()
        for optimizer in (by_rows, plain):
            optimizer.step(rate(step, optimizer.options.lr))
            optimizer.zero_grad()
    allowed = 1e-12 if dtype == torch.float64 else 1e-5
    states = zip(by_rows.state_tensors().items(), plain.state_tensors().values(), strict=True)
    for one, other in [(sparse["table"], dense["table"]), *((a, b) for (_, a), b in states)]:
        difference = float((one - other).detach().abs().max())
        assert difference <= allowed * max(1.0, float(other.detach().abs().max()))
