"""Word vectors whose gradient holds the rows that were read, and no others."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from rnnlab.nn import compiled, rows

_MOST_DISTINCT = 0.8
"""Share of the tokens that may be distinct for `Embedding.words` to gain anything."""


class Words(NamedTuple):
    """Word vectors of a batch, each distinct one once.

    Attributes:
        vectors: float[U, D], of the distinct tokens.
        places: int64[B, T], which of them each token has.
    """

    vectors: Tensor
    places: Tensor

    def laid_out(self) -> Tensor:
        """float[B, T, D]."""
        return self.vectors[self.places]


class Embedding(nn.Embedding):
    """torch.nn.Embedding; on a CPU its gradient is a sparse tensor of distinct rows, which the
    optimizers of this package take as it is."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the vectors of int64 tokens of any shape."""
        if not compiled.serves(self.weight):
            return super().forward(input)
        return _Lookup.apply(self.weight, input, self.padding_idx)  # type: ignore[return-value]

    def words(self, tokens_BT: Tensor) -> Tensor | Words:
        """Return the vectors of tokens for a layer that can do its product once for each distinct
        one; float[B, T, D] where few tokens repeat or the compiled kernels do not serve this table.
        """
        if compiled.serves(self.weight):
            distinct_U, places_BT = torch.unique(tokens_BT, return_inverse=True)
            if len(distinct_U) <= _MOST_DISTINCT * tokens_BT.numel():
                vectors_UD = _Rows.apply(self.weight, distinct_U, self.padding_idx)
                return Words(vectors_UD, places_BT)  # type: ignore[arg-type]
        return self(tokens_BT)

    def mean(self, tokens_BT: Tensor, lengths_B: Tensor) -> Tensor:
        """Return the mean vector [B, D] of the first `lengths` tokens of each row, with neither
        the vectors nor their gradients laid out in between.

        Only where the compiled kernels serve this table: see `has_mean`.
        """
        return _Mean.apply(self.weight, tokens_BT, lengths_B, self.padding_idx)  # type: ignore[return-value]

    @property
    def has_mean(self) -> bool:
        """Whether `mean` can be called here."""
        return compiled.serves(self.weight)


class _Mean(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, weight_VD: Tensor, tokens_BT: Tensor, lengths_B: Tensor, padding: int | None
    ) -> Tensor:
        tokens_BT, lengths_B = tokens_BT.contiguous(), lengths_B.contiguous()
        ctx.save_for_backward(tokens_BT, lengths_B)
        ctx.rows, ctx.padding = len(weight_VD), padding
        return rows.mean_rows(weight_VD, tokens_BT, lengths_B)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:  # type: ignore[override]
        tokens_BT, lengths_B = ctx.saved_tensors
        gradient_BD = gradients[0] / lengths_B.unsqueeze(1)
        is_token_BT = torch.arange(tokens_BT.shape[1]) < lengths_B.unsqueeze(1)
        skip = -1 if ctx.padding is None else ctx.padding
        sources_N = torch.arange(len(tokens_BT)).repeat_interleave(lengths_B)
        gradient = rows.sum_rows(
            tokens_BT[is_token_BT], gradient_BD, ctx.rows, skip=skip, sources_N=sources_N
        )
        return gradient, None, None, None


class _Lookup(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight_VD: Tensor, tokens: Tensor, padding: int | None) -> Tensor:
        ctx.save_for_backward(tokens)
        ctx.rows, ctx.padding = len(weight_VD), padding
        return nn.functional.embedding(tokens, weight_VD)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        (tokens,) = ctx.saved_tensors
        gradient_ND = gradients[0].flatten(0, -2).contiguous()
        skip = -1 if ctx.padding is None else ctx.padding
        return rows.sum_rows(tokens.flatten(), gradient_ND, ctx.rows, skip=skip), None, None


class _Rows(torch.autograd.Function):
    """Distinct rows of a table."""

    @staticmethod
    def forward(ctx: Any, weight_VD: Tensor, distinct_U: Tensor, padding: int | None) -> Tensor:
        ctx.save_for_backward(distinct_U)
        ctx.rows, ctx.padding = len(weight_VD), padding
        return weight_VD.index_select(0, distinct_U)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        (distinct_U,) = ctx.saved_tensors
        (gradient_UD,) = gradients
        if ctx.padding is not None:
            wanted_U = distinct_U != ctx.padding
            distinct_U, gradient_UD = distinct_U[wanted_U], gradient_UD[wanted_U]
        shape = (ctx.rows, gradient_UD.shape[1])
        gradient = torch.sparse_coo_tensor(
            distinct_U.unsqueeze(0), gradient_UD, shape, check_invariants=False
        )
        return gradient, None, None
