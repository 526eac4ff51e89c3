"""Products by oneDNN and by the compiled kernel are those of torch, whatever shapes and layouts."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rnnlab.nn import compiled, products
from rnnlab.nn.cells import lstm
from rnnlab.nn.recurrent import Recurrent

needs_onednn = pytest.mark.skipif(
    not hasattr(torch.ops.mkldnn, "_linear_pointwise"), reason="this torch has no oneDNN"
)


@pytest.fixture
def every_size(monkeypatch) -> list[tuple[int, ...]]:
    """Let oneDNN take products of all sizes, and note their shapes."""
    plain, taken = torch.ops.mkldnn._linear_pointwise, []

    def noted(x: Tensor, weight: Tensor, *rest: object) -> Tensor:
        taken.append((*x.shape, weight.shape[0]))
        return plain(x, weight, *rest)

    monkeypatch.setattr(products, "_LARGE", 0)
    monkeypatch.setattr(torch.ops.mkldnn, "_linear_pointwise", noted)
    return taken


@needs_onednn
@pytest.mark.parametrize("shape", [(1, 5, 7), (3, 1, 1), (33, 20, 64), (400, 65, 100)])
@pytest.mark.parametrize("transposed", [False, True])
def test_a_product_is_that_of_float64(every_size, shape, transposed):
    rows, depth, columns = shape
    generator = torch.Generator().manual_seed(rows)
    x_NK = torch.randn(rows, depth, generator=generator)
    weight_MK = torch.randn(columns, depth, generator=generator)
    if transposed:
        weight_MK = weight_MK.T.contiguous().T
    found = products.product(x_NK, weight_MK)
    expected = x_NK.double() @ weight_MK.double().T
    assert every_size == [shape]
    assert float((found - expected).abs().max()) < 1e-5 * max(1.0, float(expected.abs().max()))


@needs_onednn
def test_a_layer_and_its_gradients_are_those_of_float64(every_size):
    torch.manual_seed(0)
    layers = Recurrent(
        lstm, lstm.Options(), input_size=12, hidden_size=20, num_layers=2, bidirectional=True
    )
    x_BTD = torch.randn(5, 9, 12)
    lengths_B = torch.tensor([9, 1, 4, 9, 7])

    def all_of(dtype: torch.dtype) -> list[Tensor]:
        copy = Recurrent(
            lstm, lstm.Options(), input_size=12, hidden_size=20, num_layers=2, bidirectional=True
        ).to(dtype)
        copy.load_state_dict(layers.state_dict())
        inputs = x_BTD.to(dtype).requires_grad_()
        outputs, final, _ = copy(inputs, lengths_B)
        (outputs.square().sum() + final.sum()).backward()
        gradients = [parameter.grad for parameter in copy.parameters()]
        return [outputs.detach(), inputs.grad, *gradients]  # type: ignore[list-item]

    expected = all_of(torch.float64)
    assert not every_size
    found = all_of(torch.float32)
    if layers.kernel(x_BTD) != "torch":
        assert len(every_size) == 4  # of each layer: gates forward, inputs backward
    for one, other in zip(found, expected, strict=True):
        assert float((one - other).abs().max()) < 1e-5 * float(other.abs().max())


FORMS = ["compiled", "torch"]
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}


def use(form: str, patch: pytest.MonkeyPatch) -> None:
    if form == "torch":
        patch.setattr(compiled, "available", lambda: False)
    elif not compiled.available():
        pytest.skip("the compiled kernels were not built here")


def part_of_a_larger(shape: tuple[int, int], dtype: torch.dtype, seed: int) -> Tensor:
    """Columns from the middle of a matrix that is not a number anywhere else."""
    generator = torch.Generator().manual_seed(seed)
    whole = torch.full((shape[0], shape[1] + 5), torch.nan, dtype=dtype)
    part = whole[:, 2:-3]
    return part.copy_(torch.randn(shape, generator=generator, dtype=torch.float64))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", list(TOLERANCE), ids=str)
@settings(max_examples=60, deadline=None)
@given(
    tokens=st.one_of(st.integers(1, 20), st.sampled_from([415, 416, 417, 900])),
    groups=st.integers(1, 4),
    units=st.one_of(st.integers(1, 9), st.sampled_from([24, 47, 48, 49, 100])),
    beyond=st.sampled_from([0, 1, 8]),
    columns=st.one_of(st.integers(1, 20), st.sampled_from([63, 64, 65, 80, 130])),
    has_places=st.booleans(),
    adds=st.booleans(),
)
def test_a_weight_gradient_is_that_of_float64(
    form, dtype, tokens, groups, units, beyond, columns, has_places, adds
):
    width = units + beyond
    grad_NG = part_of_a_larger((tokens, groups * width), dtype, seed=units)
    grad_NG.unflatten(1, (groups, width))[..., units:] = torch.nan
    x_MD = part_of_a_larger((tokens + 3, columns), dtype, seed=columns)
    places_N = torch.arange(tokens).flip(0) + 2 if has_places else None
    x_ND = x_MD[:tokens] if places_N is None else x_MD[places_N]
    grad_NK = grad_NG.double().unflatten(1, (groups, width))[..., :units].flatten(1)
    expected = [grad_NK.T @ x_ND.double(), grad_NK.sum(0)]
    onto = None
    if adds:
        onto = torch.ones(expected[0].shape, dtype=dtype), torch.ones(len(expected[1]), dtype=dtype)
        expected = [each + 1 for each in expected]
    with pytest.MonkeyPatch.context() as patch:
        use(form, patch)
        found = products.weight_gradient(
            grad_NG,
            x_MD if has_places else x_MD[:tokens],
            units=units,
            width=width,
            places_N=places_N,
            onto=onto,
        )
    sizes = (grad_NK.abs().T @ x_ND.double().abs()).max(), grad_NK.abs().sum(0).max()
    for one, other, size in zip(found, expected, sizes, strict=True):
        assert one.dtype == dtype
        assert one.shape == other.shape
        assert float((one.double() - other).abs().max()) < TOLERANCE[dtype] * max(1.0, float(size))
    if onto is not None:
        assert all(one is other for one, other in zip(found, onto, strict=True))


@pytest.mark.skipif(not compiled.available(), reason="the compiled kernels were not built here")
def test_threads_never_change_a_weight_gradient():
    grad_NG = part_of_a_larger((500, 300), torch.float32, seed=1)
    x_ND = part_of_a_larger((500, 70), torch.float32, seed=2)
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(products.weight_gradient(grad_NG, x_ND))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


@pytest.mark.skipif(not compiled.available(), reason="the compiled kernels were not built here")
def test_no_memory_for_a_weight_gradient_is_said(monkeypatch):
    monkeypatch.setattr(compiled, "call", lambda *_: -1)
    with pytest.raises(MemoryError, match="weight gradient"):
        products.weight_gradient(torch.ones(2, 3), torch.ones(2, 4))
