"""Recurrence over sequences of different lengths: exact, without packing.

Two forms of a layer, equal to float rounding. On a CPU the compiled kernel (`native`) runs over the
tokens alone, with no padding; elsewhere torch's operators run over the padded batch (`dense`).

Legend: B batch, T time, D input width, H state width, S directions, N tokens of all sequences.
"""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnlab.nn import compiled, dense, native
from rnnlab.nn.cells import State, Weights
from rnnlab.nn.embedding import Words
from rnnlab.options import Options

VERSION = 2


class _TakeRows(torch.autograd.Function):
    """Rows by distinct positions; the gradient is written, not added up."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, positions: Tensor) -> Tensor:
        ctx.save_for_backward(positions)
        ctx.count = len(rows)
        return rows.index_select(0, positions)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (positions,) = ctx.saved_tensors
        (gradient,) = gradients
        whole = gradient.new_zeros(ctx.count, gradient.shape[1])
        return whole.index_copy_(0, positions, gradient), None


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
        locked: draw one dropout mask per sequence, for all its tokens. Source: Gal & Ghahramani
            2016 (arXiv:1512.05287).
        weight_drop: dropout on the recurrent matrices, one mask per call. Source: Merity et al.
            2018 (arXiv:1708.02182), section 2.
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
        locked: bool = False,
        weight_drop: float = 0.0,
    ) -> None:
        super().__init__()
        self.cell, self.options = cell, options
        self.hidden_size, self.num_layers = hidden_size, num_layers
        self.suffixes = ("", "_reverse") if bidirectional else ("",)
        self.dropout, self.locked, self.weight_drop = dropout, locked, weight_drop
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

    def initial_state(self, inputs: Tensor | Words) -> State:
        """Zero states float[layers·S, B, H] for a batch, one for each that the cell has."""
        batch, _, vectors = _parts(inputs)
        rows = self.num_layers * len(self.suffixes)
        return (vectors.new_zeros(rows, batch, self.hidden_size),) * self.cell.STATES

    def kernel(self, x_BTD: Tensor) -> str:
        """Name the form that runs on such an input."""
        return compiled.name() if self._is_native(x_BTD) else "torch"

    def forward(
        self, inputs: Tensor | Words, lengths_B: Tensor | None, state: State | None = None
    ) -> tuple[Tensor, Tensor, State]:
        """Run all layers.

        Args:
            inputs: float[B, T, D], or word vectors, with each of which the first layer's product is
                then done once; what is at padding does not matter.
            lengths_B: int64[B], tokens per sequence, each at least 1; None for T everywhere.
            state: states to begin with, float[layers·S, B, H] each, or None for zero.

        Returns:
            Outputs float[B, T, S·H], zero at padding; the top layer's final states float[B, S·H],
            each at its sequence's own end (the backward direction's end is the first token); and
            the states of all layers there, as `state` has them.

        Raises:
            ValueError: the lengths or the state do not fit the batch.
        """
        state = self.initial_state(inputs) if state is None else state
        batch, time, vectors = _parts(inputs)
        self._check(batch, time, lengths_B, state)
        lengths_B = None if lengths_B is None else lengths_B.to(torch.int64)
        if self._is_native(vectors):
            outputs_BTK, last = self._forward_native(inputs, lengths_B, state)
        else:
            x_BTD = inputs.laid_out() if isinstance(inputs, Words) else inputs
            outputs_BTK, last = self._forward_dense(x_BTD, lengths_B, state)
        final_BK = last[0][-len(self.suffixes) :].transpose(0, 1).flatten(1)
        return outputs_BTK, final_BK, last

    def _check(self, batch: int, time: int, lengths_B: Tensor | None, state: State) -> None:
        """The kernel trusts what it is given."""
        if lengths_B is None:
            if time < 1:
                raise ValueError("sequences need at least 1 step")
        elif lengths_B.shape != (batch,):
            raise ValueError(f"lengths {list(lengths_B.shape)} do not fit a batch of {batch}")
        elif lengths_B.device.type == "cpu":
            least, most = (int(value) for value in lengths_B.aminmax())
            if least < 1 or most > time:
                raise ValueError(f"lengths from {least} to {most} are not within 1 and {time}")
        rows = self.num_layers * len(self.suffixes)
        shape = (rows, batch, self.hidden_size)
        if [tuple(tensor.shape) for tensor in state] != [shape] * self.cell.STATES:
            raise ValueError(f"the state needs {self.cell.STATES} tensors of shape {list(shape)}")

    def _is_native(self, x_BTD: Tensor) -> bool:
        return hasattr(self.cell, "kind") and compiled.serves(x_BTD)

    def _forward_native(
        self, inputs: Tensor | Words, lengths_B: Tensor | None, state: State
    ) -> tuple[Tensor, State]:
        batch, time, vectors = _parts(inputs)
        if lengths_B is None:
            lengths_B = torch.full((batch,), time)
        layout = native.Layout(lengths_B)
        is_full = layout.tokens == batch * time
        rows_ND = vectors.flatten(0, -2)
        places_N = inputs.places.flatten() if isinstance(inputs, Words) else None
        present_N = torch.empty(0)
        if not is_full:
            is_token_BT = torch.arange(time) < lengths_B.unsqueeze(1)
            present_N = is_token_BT.flatten().nonzero().flatten()
            if places_N is None:
                rows_ND = _TakeRows.apply(rows_ND, present_N)
            else:
                places_N = places_N[present_N]
        kind = self.cell.kind(self.options)
        lasts = []
        for layer in range(self.num_layers):
            if layer:
                rows_ND = self._drop(rows_ND, lengths_B)
            own = self._layer_state(state, layer)
            weights = self._layer_weights(layer)
            rows_ND, last = native.layer(rows_ND, layout, kind, weights, own, places_N)
            places_N = None
            lasts.append(last)
        if not is_full:
            whole = rows_ND.new_zeros(batch * time, self.output_size)
            rows_ND = whole.index_copy(0, present_N, rows_ND)
        return rows_ND.view(batch, time, -1), _stack_layers(lasts)

    def _forward_dense(
        self, x_BTD: Tensor, lengths_B: Tensor | None, state: State
    ) -> tuple[Tensor, State]:
        layout = dense.Layout(lengths_B, x_BTD.shape[1])
        layer_TBD = layout.without_padding(x_BTD.transpose(0, 1))
        lasts = []
        for layer in range(self.num_layers):
            if layer:
                layer_TBD = self._drop(layer_TBD, None)
            own = self._layer_state(state, layer)
            weights = self._layer_weights(layer)
            layer_TBD, last = dense.layer(layer_TBD, layout, self.cell, self.options, weights, own)
            lasts.append(last)
        return layout.without_padding(layer_TBD).transpose(0, 1), _stack_layers(lasts)

    def _layer_state(self, state: State, layer: int) -> State:
        directions = len(self.suffixes)
        return tuple(tensor[layer * directions : (layer + 1) * directions] for tensor in state)

    def _layer_weights(self, layer: int) -> list[Weights]:
        every = [self.weights(layer, suffix) for suffix in self.suffixes]
        if not (self.training and self.weight_drop):
            return every
        return [
            (w_ih, F.dropout(w_hh, self.weight_drop), b_ih, b_hh)
            for w_ih, w_hh, b_ih, b_hh in every
        ]

    def _drop(self, rows: Tensor, lengths_B: Tensor | None) -> Tensor:
        """Dropout on flat rows [N, K] of sequences, or on a padded batch [T, B, K]."""
        if not (self.training and self.dropout):
            return rows
        if not self.locked:
            return F.dropout(rows, self.dropout)
        batch = rows.shape[1] if lengths_B is None else len(lengths_B)
        mask_BK = F.dropout(rows.new_ones(batch, rows.shape[-1]), self.dropout)
        return rows * (mask_BK if lengths_B is None else mask_BK.repeat_interleave(lengths_B, 0))


def _parts(inputs: Tensor | Words) -> tuple[int, int, Tensor]:
    """B, T, and the vectors, of whatever shape."""
    if isinstance(inputs, Words):
        return *inputs.places.shape, inputs.vectors  # type: ignore[return-value]
    return *inputs.shape[:2], inputs  # type: ignore[return-value]


def _stack_layers(lasts: list[State]) -> State:
    return tuple(torch.cat(each) for each in zip(*lasts, strict=True))
