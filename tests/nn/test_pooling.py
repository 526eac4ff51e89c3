"""Poolings: equal to their definition per sequence, blind to padding, and with exact gradients.

Every registered pooling gets the property tests; those known by name are computed directly too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from rnnlab.registry import POOLINGS

SIZE = 5
NAMES = sorted(POOLINGS.names)


def _weighted(outputs_TH: Any, energies: list[float]) -> Any:
    shares = np.exp(np.array(energies) - max(energies))
    return sum(
        share * output_H for share, output_H in zip(shares / shares.sum(), outputs_TH, strict=True)
    )


def _attention(outputs_TH: Any, final_H: Any, weights: Any) -> Any:
    return _weighted(outputs_TH, [float(output_H @ final_H) for output_H in outputs_TH])


def _matrix(outputs_TH: Any, final_H: Any, weights: Any) -> Any:
    image_H = weights["matrix.weight"] @ final_H
    return _weighted(outputs_TH, [float(output_H @ image_H) for output_H in outputs_TH])


def _additive(outputs_TH: Any, final_H: Any, weights: Any) -> Any:
    of_final_H = weights["of_final.weight"] @ final_H + weights["of_final.bias"]
    energies = []
    for output_H in outputs_TH:
        hidden_H = np.tanh(weights["of_output.weight"] @ output_H + of_final_H)
        energies.append(float(weights["score.weight"][0] @ hidden_H))
    return _weighted(outputs_TH, energies)


DIRECT: dict[str, Callable[[Any, Any, Any], Any]] = {
    "attention": _attention,
    "attention_additive": _additive,
    "attention_matrix": _matrix,
    "final": lambda outputs_TH, final_H, weights: final_H,
    "max": lambda outputs_TH, final_H, weights: np.array([max(c) for c in outputs_TH.T]),
    "mean": lambda outputs_TH, final_H, weights: sum(outputs_TH) / len(outputs_TH),
}

some_lengths = st.lists(st.integers(1, 8), min_size=1, max_size=5)
seeds = st.integers(0, 2**20)


def build(name: str) -> nn.Module:
    torch.manual_seed(0)
    return POOLINGS.load(name).build(SIZE).double()


def numbers(lengths: list[int], seed: int, extra: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs with zeros at padding, final states, and the mask of real tokens."""
    generator = torch.Generator().manual_seed(seed)
    shape = (len(lengths), max(lengths), SIZE)
    outputs_BTH = torch.randn(shape, generator=generator, dtype=torch.float64)
    outputs_BTH = nn.functional.pad(outputs_BTH, (0, 0, 0, extra))
    final_BH = torch.randn(len(lengths), SIZE, generator=generator, dtype=torch.float64)
    mask_BT = torch.arange(max(lengths) + extra) < torch.tensor(lengths).unsqueeze(1)
    return outputs_BTH * mask_BT.unsqueeze(-1), final_BH, mask_BT


def assert_close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(
        actual, expected, rtol=0, atol=1e-12 * float(expected.detach().abs().max())
    )


@pytest.mark.parametrize("name", [name for name in NAMES if name in DIRECT])
@settings(max_examples=30, deadline=None)
@given(lengths=some_lengths, seed=seeds)
@example(lengths=[1], seed=0)
@example(lengths=[4, 4], seed=0)
def test_each_sequence_gets_what_the_definition_says(name, lengths, seed):
    outputs_BTH, final_BH, mask_BT = numbers(lengths, seed, extra=1)
    pool = build(name)
    weights = {key: value.numpy() for key, value in pool.state_dict().items()}
    pooled = pool(outputs_BTH, final_BH, mask_BT)
    for row, length in enumerate(lengths):
        expected = DIRECT[name](outputs_BTH[row, :length].numpy(), final_BH[row].numpy(), weights)
        assert_close(pooled[row], torch.from_numpy(np.asarray(expected)))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20, deadline=None)
@given(lengths=some_lengths, seed=seeds, extra=st.integers(0, 4))
def test_content_and_amount_of_padding_change_nothing(name, lengths, seed, extra):
    pool = build(name)
    expected = pool(*numbers(lengths, seed))
    outputs_BTH, final_BH, mask_BT = numbers(lengths, seed, extra)
    garbage = 1000 * torch.randn(outputs_BTH.shape, dtype=torch.float64)
    outputs_BTH = torch.where(mask_BT.unsqueeze(-1), outputs_BTH, garbage).requires_grad_()
    pooled = pool(outputs_BTH, final_BH.requires_grad_(), mask_BT)
    assert_close(pooled, expected)
    gradient, _ = torch.autograd.grad(
        pooled.square().sum(), [outputs_BTH, final_BH], materialize_grads=True
    )
    assert bool((gradient[~mask_BT] == 0).all())


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20, deadline=None)
@given(lengths=some_lengths, seed=seeds, data=st.data())
def test_batch_mates_and_their_order_change_nothing(name, lengths, seed, data):
    pool = build(name)
    outputs_BTH, final_BH, mask_BT = numbers(lengths, seed)
    pooled = pool(outputs_BTH, final_BH, mask_BT)
    assert pooled.shape == (len(lengths), SIZE)
    order = data.draw(st.permutations(range(len(lengths))))
    assert_close(pool(outputs_BTH[order], final_BH[order], mask_BT[order]), pooled[order])
    for row, length in enumerate(lengths):
        cut = slice(row, row + 1), slice(0, length)
        assert_close(pool(outputs_BTH[cut], final_BH[row : row + 1], mask_BT[cut])[0], pooled[row])


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_exact_and_reach_every_real_sequence(name):
    pool = build(name)
    outputs_BTH, final_BH, mask_BT = numbers([4, 1, 3], seed=3)
    outputs_BTH.requires_grad_()
    final_BH.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda outputs, final: pool(outputs, final, mask_BT), (outputs_BTH, final_BH)
    )
    pooled = pool(outputs_BTH, final_BH, mask_BT)
    weights = torch.randn(pooled.shape, dtype=torch.float64)
    on_outputs, on_final = torch.autograd.grad(
        (pooled * weights).sum(), [outputs_BTH, final_BH], materialize_grads=True
    )
    reached = on_outputs.abs().sum(dim=(1, 2)) + on_final.abs().sum(dim=1)
    assert bool((reached > 0).all())
    if not POOLINGS.load(name).NEEDS_ENCODER:
        assert bool((on_final == 0).all()), "reads a final state although it says that it does not"


@pytest.mark.parametrize("name", [name for name in NAMES if not POOLINGS.load(name).NEEDS_ENCODER])
def test_poolings_without_encoder_do_not_look_at_the_final_state(name):
    outputs_BTH, final_BH, mask_BT = numbers([3, 2], seed=1)
    pool = build(name)
    scalar = final_BH.new_zeros(())
    assert torch.equal(pool(outputs_BTH, final_BH, mask_BT), pool(outputs_BTH, scalar, mask_BT))


@pytest.mark.parametrize("name", [name for name in NAMES if name in DIRECT])
def test_one_token_is_its_own_summary(name):
    outputs_BTH, _, mask_BT = numbers([1, 1, 1], seed=2, extra=3)
    token_BH = outputs_BTH[:, 0]
    assert_close(build(name)(outputs_BTH, token_BH, mask_BT), token_BH)


@pytest.mark.parametrize("name", NAMES)
def test_large_values_stay_finite(name):
    outputs_BTH, final_BH, mask_BT = numbers([4, 2], seed=4)
    pooled = build(name).float()(1e4 * outputs_BTH.float(), 1e4 * final_BH.float(), mask_BT)
    assert pooled.dtype == torch.float32
    assert bool(pooled.isfinite().all())
