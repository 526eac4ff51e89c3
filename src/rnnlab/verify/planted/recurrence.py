"""Bugs between a padded batch and a final state."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnlab.nn import dense, native
from rnnlab.nn.embedding import Embedding
from rnnlab.nn.pooling import _attention
from rnnlab.nn.recurrent import Recurrent
from rnnlab.verify.planted import Bug


def _reads_padding(forward: Any) -> Any:
    """The layers are not told where texts end."""

    def planted(self: Recurrent, x_BTD: Tensor, lengths_B: Tensor | None, state: Any = None) -> Any:
        return forward(self, x_BTD, None, state)

    return planted


def _takes_the_last_step(forward: Any) -> Any:
    """`outputs[:, -1]`: the state at T, whatever the length."""

    def planted(self: Recurrent, x_BTD: Tensor, lengths_B: Tensor | None, state: Any = None) -> Any:
        outputs, _, last = forward(self, x_BTD, lengths_B, state)
        return outputs, outputs[:, -1], last

    return planted


def _flips_padding_too(reversal: Any) -> Any:
    """The backward direction reads the padded batch flipped as a whole."""

    def planted(lengths_B: Tensor, time: int) -> Tensor:
        return reversal(torch.full_like(lengths_B, time), time)

    return planted


def _swaps_gates(layer_weights: Any) -> Any:
    """The first two blocks of gates change places."""

    def planted(self: Recurrent, layer: int) -> Any:
        def swapped(tensor: Tensor) -> Tensor:
            first, second, *rest = tensor.chunk(self.cell.GATES)
            return torch.cat([second, first, *rest])

        return [tuple(map(swapped, weights)) for weights in layer_weights(self, layer)]

    return planted


def _forgets_the_mask(weights: Any) -> Any:
    """The softmax of attention runs over padding too."""

    def planted(self: Any, outputs_BTH: Tensor, final_BH: Tensor, mask_BT: Tensor) -> Tensor:
        return weights(self, outputs_BTH, final_BH, torch.ones_like(mask_BT))

    return planted


def _trains_the_pad_row(forward: Any) -> Any:
    """The table is not told that row 0 is padding."""
    return lambda self, tokens: F.embedding(tokens, self.weight)


def _counts_a_word_once(sum_by_place: Any) -> Any:
    """Of the tokens that are the same word, the last alone gives it a gradient."""

    def planted(places_N: Tensor, gradient_ND: Tensor, count: int) -> Tensor:
        order_N = torch.arange(len(places_N))
        last_U = torch.zeros(count, dtype=torch.int64).scatter_reduce_(0, places_N, order_N, "amax")
        return gradient_ND[last_U]

    return planted


_FORWARD = (Recurrent, "forward")
_TORCH_FORM = (Recurrent, "_is_native", lambda _: lambda self, x_BTD: False)

BUGS = [
    Bug(
        "padding is read",
        "batching",
        "compositional-gru",
        ((*_FORWARD, _reads_padding),),
    ),
    Bug(
        "backward direction not realigned",
        "padding",
        "compositional-bilstm-attention",
        (_TORCH_FORM, (dense, "reversal", _flips_padding_too)),
    ),
    Bug(
        "final state taken at T",
        "batching",
        "compositional-gru",
        ((*_FORWARD, _takes_the_last_step),),
    ),
    Bug(
        "two gates swapped",
        "reference",
        "table-lstm",
        ((Recurrent, "_layer_weights", _swaps_gates),),
    ),
    Bug(
        "a repeated word's gradient counted once",
        "reference",
        "table-lstm",
        ((native, "sum_by_place", _counts_a_word_once),),
    ),
    Bug(
        "softmax over padding",
        "padding",
        "compositional-bilstm-attention",
        ((_attention.Attention, "weights", _forgets_the_mask),),
    ),
    Bug(
        "the pad row is trained",
        "learning",
        "compositional-gru",
        ((*_FORWARD, _reads_padding), (Embedding, "words", _trains_the_pad_row)),
    ),
]
