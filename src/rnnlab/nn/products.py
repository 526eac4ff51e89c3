"""Matrix products over very many rows, in the order of factors that is fast on a CPU."""

from __future__ import annotations

from torch import Tensor

_MANY_ROWS = 2048


def column_sums(x_NG: Tensor) -> Tensor:
    """Sum over rows, as a matrix product: some three times as fast as `sum` for many rows."""
    return (x_NG.new_ones(1, len(x_NG)) @ x_NG).squeeze(0)


def transposed_product(grad_NG: Tensor, x_ND: Tensor) -> Tensor:
    """grad.T @ x [G, D].

    With the factors exchanged MKL is a third faster, but the result has to be copied once it
    becomes a parameter's gradient, which costs more where rows are few.
    """
    if len(x_ND) < _MANY_ROWS:
        return grad_NG.T @ x_ND
    return (x_ND.T @ grad_NG).T
