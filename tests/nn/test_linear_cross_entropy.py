"""Cross entropy over a large vocabulary: torch's numbers and gradients, a slab at a time."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlab.nn import compiled, linear_cross_entropy

FORMS = ["compiled", "torch"]
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}


def numbers(rows: int, classes: int, dtype: torch.dtype, seed: int, scale: float = 1.0):
    generator = torch.Generator().manual_seed(seed)
    shapes = ((rows, 5), (classes, 5), (classes,))
    tensors = [
        (scale * torch.randn(shape, generator=generator, dtype=torch.float64))
        .to(dtype)
        .requires_grad_()
        for shape in shapes
    ]
    return *tensors, torch.randint(classes, (rows,), generator=generator)


def use(form: str, patch: pytest.MonkeyPatch, slab: int = 1 << 20) -> None:
    if form == "torch":
        patch.setattr(compiled, "available", lambda: False)
    elif not compiled.available():
        pytest.skip("the compiled kernels were not built here")
    patch.setattr(linear_cross_entropy, "SLAB_NUMBERS", slab)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", list(TOLERANCE), ids=str)
@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(1, 12),
    classes=st.sampled_from([2, 7, 16, 33, 64, 150]),
    slab=st.sampled_from([1, 100, 1 << 20]),
    seed=st.integers(0, 999),
)
def test_nats_and_gradients_are_torchs(form, dtype, rows, classes, slab, seed):
    features, weight, bias, targets = numbers(rows, classes, dtype, seed)
    with pytest.MonkeyPatch.context() as patch:
        use(form, patch, slab)
        found = linear_cross_entropy.linear_cross_entropy(features, weight, bias, targets)
        gradients = torch.autograd.grad(found / rows, (features, weight, bias))
    logits = features.double() @ weight.double().T + bias.double()
    expected = F.cross_entropy(logits, targets, reduction="sum")
    wanted = torch.autograd.grad(expected / rows, (features, weight, bias))
    # of a target that is nearly certain, nats and p - 1 are differences of much larger numbers
    sizes = [float(t.detach().abs().max()) for t in (logits, weight, features)]
    for one, other, floor in zip(
        (found, *gradients), (expected, *wanted), (*sizes, 1.0), strict=True
    ):
        error = float((one.double() - other.double()).detach().abs().max())
        assert error <= TOLERANCE[dtype] * max(floor, float(other.detach().abs().max()))


@pytest.mark.parametrize("form", FORMS)
def test_a_hopeless_target_costs_its_nats_and_not_infinity(form, monkeypatch):
    use(form, monkeypatch)
    features, weight, bias, targets = numbers(4, 30, torch.float32, seed=1, scale=30.0)
    found = linear_cross_entropy.linear_cross_entropy(features, weight, bias, targets)
    expected = F.cross_entropy(features @ weight.T + bias, targets, reduction="sum")
    assert float(expected.detach()) > 1000
    assert float(found.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_not_a_number_stays_in_its_row(form, monkeypatch):
    use(form, monkeypatch)
    features, weight, bias, targets = numbers(3, 20, torch.float32, seed=2)
    with torch.no_grad():
        features[1, 0] = torch.nan
    loss = linear_cross_entropy.linear_cross_entropy(features, weight, bias, targets)
    assert bool(loss.isnan())
    (on_features,) = torch.autograd.grad(loss, features)
    assert on_features.isnan().any(dim=1).tolist() == [False, True, False]


def test_a_target_outside_the_vocabulary_is_refused():
    features, weight, bias, targets = numbers(3, 20, torch.float32, seed=3)
    targets[1] = 20
    with pytest.raises(IndexError):
        linear_cross_entropy.linear_cross_entropy(features, weight, bias, targets)
