"""One recurrent layer over a padded batch, exact for every sequence, by torch's own operators.

What runs where the compiled kernel does not: on accelerators, under autocast, without a C compiler.
The forward direction is exact because padding only follows a sequence's own tokens; the backward
direction is fed each sequence reversed within its own length, so that the same holds there.

Legend: B batch, T time, D input width, H state width, L lengths (all at least 1).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from rnnlab.nn.cells import State, Weights
from rnnlab.options import Options


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


class Layout:
    """How sequences lie in a padded batch [T, B, ...].

    Args:
        lengths_B: int64[B], each at least 1; None where every sequence has all T steps, so that
            nothing is masked.
        time: T.
    """

    def __init__(self, lengths_B: Tensor | None, time: int) -> None:
        self.time = time
        self.padding_TB: Tensor | None = None
        if lengths_B is None:
            return
        device, batch = lengths_B.device, len(lengths_B)
        self._reversal = reversal(lengths_B, time)
        self._last_rows = (lengths_B - 1) * batch + torch.arange(batch, device=device)
        self.padding_TB = torch.arange(time, device=device).unsqueeze(1) >= lengths_B

    def reverse(self, x_TBD: Tensor) -> Tensor:
        """Reverse each sequence within its own length."""
        return x_TBD.flip(0) if self.padding_TB is None else reverse(x_TBD, self._reversal)

    def last(self, x_TBD: Tensor) -> Tensor:
        """What is at each sequence's last step, [B, D]."""
        if self.padding_TB is None:
            return x_TBD[-1]
        return x_TBD.flatten(0, 1).index_select(0, self._last_rows)

    def without_padding(self, x_TBD: Tensor) -> Tensor:
        """The same with zeros at padding."""
        if self.padding_TB is None:
            return x_TBD
        return x_TBD.masked_fill(self.padding_TB.unsqueeze(-1), 0.0)


def layer(
    x_TBD: Tensor,
    layout: Layout,
    cell: ModuleType,
    options: Options,
    weights: Sequence[Weights],
    state: State,
) -> tuple[Tensor, State]:
    """Run one layer in one or both directions.

    Args:
        x_TBD: inputs.
        layout: of the sequences.
        cell: a module of `rnnlab.nn.cells`.
        options: the cell's settings.
        weights: per direction; the second runs backwards.
        state: initial states float[S, B, H], S directions, one for each that the cell has.

    Returns:
        Outputs [T, B, S·H], of any value at padding, and the states [S, B, H] after each
        sequence's last step.
    """
    outputs, lasts = [], []
    for direction, own in enumerate(weights):
        source_TBD = layout.reverse(x_TBD) if direction else x_TBD
        start = tuple(tensor[direction] for tensor in state)
        out_TBH, last = _run(source_TBD, layout, cell, options, own, start)
        lasts.append((layout.last(out_TBH), *last[1:]))
        outputs.append(layout.reverse(out_TBH) if direction else out_TBH)
    outputs_TBK = torch.cat(outputs, dim=-1) if len(outputs) > 1 else outputs[0]
    return outputs_TBK, tuple(torch.stack(each) for each in zip(*lasts, strict=True))


@contextmanager
def _unasked_advice() -> Iterator[None]:
    """Within it cuDNN gathers weights that lie apart, as parameters do, without warning of it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="RNN module weights are not part of single")
        yield


def _run(
    x_TBD: Tensor,
    layout: Layout,
    cell: ModuleType,
    options: Options,
    weights: Weights,
    state: State,
) -> tuple[Tensor, State]:
    """One direction: torch's operator for all steps where there is one, else step by step."""
    if hasattr(cell, "fused"):
        with _unasked_advice():
            result = cell.fused(x_TBD, weights, state, options, layout.padding_TB)
        if result is not None:
            return result
    w_ih, w_hh, b_ih, b_hh = weights
    outputs = []
    for step, x_BG in enumerate(x_TBD @ w_ih.T + b_ih):
        advanced = cell.step(x_BG, state, (w_hh, b_hh), options)
        if layout.padding_TB is None:
            state = advanced
        else:
            padding_B1 = layout.padding_TB[step].unsqueeze(1)
            state = tuple(
                torch.where(padding_B1, old, new) for old, new in zip(state, advanced, strict=True)
            )
        outputs.append(state[0])
    return torch.stack(outputs), state
