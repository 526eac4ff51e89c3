"""Products by oneDNN are those of torch's own, in float32, whatever the shapes and layouts."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rnnlab.nn import products
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
