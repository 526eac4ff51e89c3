"""Recurrence over sequences of different lengths: exact, without packing.

Each direction is run densely over the padded batch by torch's fused kernels. The forward direction
is exact because padding only follows a sequence's own tokens; the backward direction is fed each
sequence reversed within its own length, so that the same holds there. Outputs at padding are set
to zero, and final states are read at each sequence's own end.

Legend: B batch, T time, D input width, H state width, L lengths (all at least 1).
"""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from rnnlab.nn.cells import Weights
from rnnlab.options import Options

VERSION = 1


class _Permute(torch.autograd.Function):
    """Reorder rows by a permutation that is its own inverse: the gradient is the same reordering.

    `index_select`'s own gradient would scatter-add, which is slow on a CPU.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, order: Tensor) -> Tensor:
        ctx.save_for_backward(order)
        return rows.index_select(0, order)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (order,) = ctx.saved_tensors
        return gradients[0].index_select(0, order), None


def reversal(lengths_B: Tensor, time: int) -> Tensor:
    """Return the int64[T·B] order of the rows of a (T·B, D) view that reverses each sequence.

    Step t < L of a column goes to L - 1 - t; padding stays in place, so the order is an involution.
    """
    step_T1 = torch.arange(time, device=lengths_B.device).unsqueeze(1)
    source_TB = torch.where(step_T1 < lengths_B, lengths_B - 1 - step_T1, step_T1)
    batch = lengths_B.shape[0]
    return (source_TB * batch + torch.arange(batch, device=lengths_B.device)).flatten()


def reverse(x_TBD: Tensor, order: Tensor) -> Tensor:
    """Reverse each sequence within its own length; `order` comes from `reversal`."""
    return _Permute.apply(x_TBD.flatten(0, 1), order).view_as(x_TBD)  # type: ignore[union-attr]


class Recurrent(nn.Module):
    """Recurrent layers, one or both directions, exact for every sequence.

    Parameters are named and laid out as in torch.nn.RNN, LSTM and GRU, so state dicts interchange.

    Args:
        cell: a module of `rnnlab.nn.cells`.
        options: the cell's settings.
        input_size: D.
        hidden_size: H, per direction.
        num_layers: layers, each reading the one below.
        bidirectional: run both directions and concatenate them.
        dropout: between layers, on what goes up.
    """

    def __init__(
        self,
        cell: ModuleType,
        options: Options,
        *,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.cell, self.options = cell, options
        self.hidden_size, self.num_layers = hidden_size, num_layers
        self.suffixes = ("", "_reverse") if bidirectional else ("",)
        self.dropout = nn.Dropout(dropout)
        self.output_size = hidden_size * len(self.suffixes)
        for layer in range(num_layers):
            width = input_size if layer == 0 else self.output_size
            for suffix in self.suffixes:
                rows = cell.GATES * hidden_size
                for name, shape in (
                    ("weight_ih", (rows, width)),
                    ("weight_hh", (rows, hidden_size)),
                    ("bias_ih", (rows,)),
                    ("bias_hh", (rows,)),
                ):
                    self.register_parameter(
                        f"{name}_l{layer}{suffix}", nn.Parameter(torch.empty(shape))
                    )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter from U(-1/√H, 1/√H), as torch.nn does."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def weights(self, layer: int, suffix: str) -> Weights:
        """The four tensors of one layer and direction."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        first, second, third, fourth = (
            self.get_parameter(f"{name}_l{layer}{suffix}") for name in names
        )
        return first, second, third, fourth

    def forward(self, x_BTD: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
        """Return outputs float[B, T, H·directions], zero at padding, and the top layer's final
        states float[B, H·directions], each at its sequence's own end (the backward direction's
        end is the first token)."""
        time, batch = x_BTD.shape[1], x_BTD.shape[0]
        order = reversal(lengths_B, time) if len(self.suffixes) > 1 else lengths_B
        last_B = (lengths_B - 1) * batch + torch.arange(batch, device=lengths_B.device)
        layer_TBD = x_BTD.transpose(0, 1)
        finals: list[Tensor] = []
        for layer in range(self.num_layers):
            if layer:
                layer_TBD = self.dropout(layer_TBD)
            outputs, finals = [], []
            for suffix in self.suffixes:
                source_TBD = reverse(layer_TBD, order) if suffix else layer_TBD
                out_TBH = self.cell.unroll(source_TBD, self.weights(layer, suffix), self.options)
                finals.append(out_TBH.flatten(0, 1).index_select(0, last_B))
                outputs.append(reverse(out_TBH, order) if suffix else out_TBH)
            layer_TBD = torch.cat(outputs, dim=-1) if len(outputs) > 1 else outputs[0]
        padding_TB = torch.arange(time, device=lengths_B.device).unsqueeze(1) >= lengths_B
        outputs_TBH = layer_TBD.masked_fill(padding_TB.unsqueeze(-1), 0.0)
        return outputs_TBH.transpose(0, 1), torch.cat(finals, dim=-1)
