"""One recurrent layer over sequences of different lengths, without padding, by the compiled kernel.

Legend: N tokens of all sequences, U distinct inputs, B sequences, D input width, G gates, H state
width, W = H rounded up to a multiple of 64 bytes, S directions.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rnnlab.nn import compiled
from rnnlab.nn.products import product, weight_gradient
from rnnlab.nn.rows import sum_by_place

_CELLS = ("rnn", "lstm", "gru", "gru_before")
_ACTIVATIONS = ("tanh", "relu", "sigmoid")
_LINE_BYTES = 64


Weights = tuple[Tensor, Tensor, Tensor, Tensor]


class Kind(NamedTuple):
    """What the kernel computes: "rnn", "lstm", "gru" or "gru_before", and its activation."""

    cell: str
    activation: str


class _Direction(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in ("cell", "activation", "units", "width", "reverse")),
        *((name, ctypes.c_int64) for name in ("keep", "gates_stride", "state_stride")),
        *((name, ctypes.c_void_p) for name in ("weight", "bias", "inputs")),
        *((name, ctypes.c_void_p) for name in ("gates", "out", "extra")),
        *((name, ctypes.c_void_p) for name in ("grad_out", "grad_final", "grad_gates")),
        *((name, ctypes.c_void_p) for name in ("grad_extra", "carry")),
    ]


class _Batch(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in ("tokens", "batch", "directions", "threads")),
        ("backward", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("order", "offsets", "lengths", "places")),
        ("each", ctypes.POINTER(_Direction)),
        ("team", ctypes.c_void_p),
    ]


class Layout:
    """How sequences lie in flat rows: token t of sequence b is row offsets[b] + t.

    Args:
        lengths_B: int64[B] on the CPU, each at least 1.
    """

    def __init__(self, lengths_B: Tensor) -> None:
        self.lengths = lengths_B.contiguous()
        self.batch = len(lengths_B)
        ends_B = lengths_B.cumsum(0)
        self.offsets = ends_B - lengths_B
        self.tokens = int(ends_B[-1])
        self.order = torch.argsort(lengths_B, descending=True, stable=True)

    def first_rows(self, reverse: bool) -> Tensor:
        """int64[B]: where each sequence begins, in a direction."""
        return self.offsets + self.lengths - 1 if reverse else self.offsets

    def rows_before(self, reverse: bool) -> Tensor:
        """int64[N]: the row of each token's predecessor; N + b for the first of sequence b."""
        before_N = torch.arange(self.tokens) + (1 if reverse else -1)
        before_N[self.first_rows(reverse)] = self.tokens + torch.arange(self.batch)
        return before_N


def layer(
    x_UD: Tensor,
    layout: Layout,
    kind: Kind,
    weights: Sequence[Weights],
    state: tuple[Tensor, ...] | None,
    places_N: Tensor | None = None,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run one layer in one or both directions.

    Args:
        x_UD: inputs; of all tokens, or the distinct ones, which are then multiplied once each.
        layout: of the sequences in the rows.
        kind: the cell.
        weights: per direction; the second runs backwards.
        state: initial states float[S, B, H], one for each that the cell has, or None for zero.
        places_N: int64, which of the inputs each token has; None where each has its own.

    Returns:
        Outputs [N, S·H], and the states [S, B, H] after each sequence's last step.
    """
    hidden, cell = (*(state or ()), None, None)[:2]
    flat = [tensor for direction in weights for tensor in direction]
    outputs, last, last_cell = _Layer.apply(  # type: ignore[misc]
        x_UD, places_N, layout, kind, torch.is_grad_enabled(), hidden, cell, *flat
    )
    return outputs, (last, last_cell) if kind.cell == "lstm" else (last,)


class _Layer(torch.autograd.Function):
    """One layer, all directions. Buffers have W columns per direction where outputs have H."""

    @staticmethod
    def forward(
        ctx: Any,
        x_UD: Tensor,
        places_N: Tensor | None,
        layout: Layout,
        kind: Kind,
        keep: bool,
        hidden: Tensor | None,
        cell: Tensor | None,
        *weights: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.layout, ctx.kind = layout, kind
        directions = len(weights) // 4
        ctx.units = units = weights[1].shape[1]
        ctx.width = width = _padded(units, x_UD.element_size())
        ctx.gates = gates = weights[1].shape[0] // units
        inward, bias = [], []
        for w_ih, _, b_ih, b_hh in _fours(weights):
            both = b_ih + b_hh
            if kind.cell == "gru":  # the candidate's second bias goes through the reset gate
                both = torch.cat([both[: 2 * units], b_ih[2 * units :], b_hh[2 * units :]])
            inward.append(_widen(w_ih.unflatten(0, (gates, units)), width, dim=1).flatten(0, 1))
            bias.append(_widen(both.view(-1, units), width))
        inward_GD = inward[0] if directions == 1 else torch.cat(inward)
        inputs_UG = gates_NG = product(x_UD, inward_GD)
        if places_N is not None:
            gates_NG = inputs_UG.new_empty(layout.tokens, len(inward_GD))
        rows = layout.tokens + layout.batch
        out = x_UD.new_empty(rows, directions * width)
        extra = out if kind.cell == "rnn" else torch.empty_like(out)
        starts = {"lstm": ((out, hidden), (extra, cell))}.get(kind.cell, ((out, hidden),))
        for buffer, initial in starts:
            start = buffer[layout.tokens :]
            if initial is None:
                start.zero_()
            else:
                start.copy_(_rows(_widen(initial, width)))
        _run(
            layout,
            kind,
            (units, width, gates),
            weights,
            backward=False,
            keep=keep,
            bias=bias,
            places=places_N,
            inputs=inputs_UG,
            gates=gates_NG,
            out=out,
            extra=extra,
        )
        ctx.places = places_N
        ctx.save_for_backward(x_UD, inward_GD, gates_NG, out, extra, *weights)
        outputs = _narrow(out[: layout.tokens], directions, units).flatten(1)
        lasts = []
        for buffer in (out, extra):
            parts = _narrow(buffer, directions, units)
            lasts.append(
                torch.stack([parts[layout.first_rows(not s), s] for s in range(directions)])
            )
        return outputs, *lasts

    @staticmethod
    @once_differentiable
    @compiled.fading_to_zero()
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:  # type: ignore[override]
        x_UD, inward_GD, gates_NG, out, extra, *weights = ctx.saved_tensors
        layout, kind = ctx.layout, ctx.kind
        units, width, gates = ctx.units, ctx.width, ctx.gates
        directions = len(weights) // 4
        grad_out, grad_hidden, grad_cell = grads
        if width != units:
            grad_out = _widen(grad_out.unflatten(1, (directions, units)), width).flatten(1)
        carried = grad_cell if kind.cell == "lstm" else torch.zeros_like(grad_cell)
        carry = _rows(_widen(carried, width)).clone()  # the kernel writes into it
        grad_gates = torch.empty_like(gates_NG)
        grad_extra = torch.empty_like(extra[: layout.tokens]) if kind.cell == "gru" else grad_gates
        _run(
            layout,
            kind,
            (units, width, gates),
            weights,
            backward=True,
            gates=gates_NG,
            out=out,
            extra=extra,
            grad_out=grad_out.contiguous(),
            grad_final=_rows(_widen(grad_hidden, width)),
            grad_gates=grad_gates,
            grad_extra=grad_extra,
            carry=carry,
        )
        grad_inputs = grad_gates
        if ctx.places is not None:
            grad_inputs = sum_by_place(ctx.places, grad_gates, len(x_UD))
        grad_x = product(grad_inputs, inward_GD.T) if ctx.needs_input_grad[0] else None
        count = {"units": units, "width": width}
        grad_inward, grad_bias = weight_gradient(grad_inputs, x_UD, **count)
        grad_inward = grad_inward.view(directions, gates * units, -1)
        grad_bias = grad_bias.view(directions, -1)
        grad_weights: list[Tensor] = []
        grad_starts = []
        for s, (_, weight, _, _) in enumerate(_fours(weights)):
            own = slice(s * width, (s + 1) * width)
            history = out[:, own][:, :units], layout.rows_before(bool(s))
            all_gates = grad_gates[:, s * gates * width : (s + 1) * gates * width]
            # what each part of the recurrent matrix multiplied, and the gradient of the product
            products = [(all_gates, *history)]
            if kind.cell == "gru":
                products = [(all_gates[:, : 2 * width], *history), (grad_extra[:, own], *history)]
            elif kind.cell == "gru_before":
                reset = extra[:, own][:, :units], None
                products = [
                    (all_gates[:, : 2 * width], *history),
                    (all_gates[:, 2 * width :], *reset),
                ]
            parts = [
                weight_gradient(rows, inputs, **count, places_N=places)
                for rows, inputs, places in products
            ]
            if len(parts) > 1:
                matrices, sums = zip(*parts, strict=True)
                parts = [(torch.cat(matrices), torch.cat(sums))]
            grad_weights += [grad_inward[s], parts[0][0], grad_bias[s], parts[0][1]]
            if ctx.needs_input_grad[5]:
                first_B = layout.first_rows(bool(s))
                grad_BH = carry[:, own][:, :units] if kind.cell.startswith("gru") else 0
                for at, (rows, _, places) in enumerate(products):
                    if places is not None:
                        begin = 2 * units * at
                        grad_BGH = rows.index_select(0, first_B).unflatten(1, (-1, width))
                        grad_BG = grad_BGH[..., :units].flatten(1)
                        grad_BH = grad_BH + grad_BG @ weight[begin : begin + grad_BG.shape[1]]
                grad_starts.append(grad_BH)
        grad_hidden = torch.stack(grad_starts) if grad_starts else None
        grad_cell = None
        if ctx.needs_input_grad[6]:
            grad_cell = _narrow(carry, directions, units).transpose(0, 1)
        return grad_x, None, None, None, None, grad_hidden, grad_cell, *grad_weights


def _run(
    layout: Layout,
    kind: Kind,
    sizes: tuple[int, int, int],
    weights: Sequence[Tensor],
    *,
    backward: bool,
    keep: bool = True,
    bias: Sequence[Tensor] = (),
    places: Tensor | None = None,
    gates: Tensor,
    **buffers: Tensor,
) -> None:
    """Call the kernel; buffers are named as its fields are."""
    units, width, num_gates = sizes
    recurrent = [w_hh.contiguous() for _, w_hh, _, _ in _fours(weights)]
    each = (_Direction * len(recurrent))()
    size = gates.element_size()
    for s, weight in enumerate(recurrent):
        direction = each[s]
        direction.cell = _CELLS.index(kind.cell)
        direction.activation = _ACTIVATIONS.index(kind.activation)
        direction.units, direction.width, direction.reverse = units, width, s
        direction.keep = keep
        direction.gates_stride = gates.shape[1]
        direction.state_stride = len(recurrent) * width
        direction.weight = weight.data_ptr()
        direction.bias = bias[s].data_ptr() if bias else None
        direction.gates = gates.data_ptr() + s * num_gates * width * size
        for name, buffer in buffers.items():
            step = num_gates * width if buffer.shape[1] == gates.shape[1] else width
            setattr(direction, name, buffer.data_ptr() + s * step * size)
    batch = _Batch(
        tokens=layout.tokens,
        batch=layout.batch,
        directions=len(recurrent),
        backward=backward,
        order=layout.order.data_ptr(),
        offsets=layout.offsets.data_ptr(),
        lengths=layout.lengths.data_ptr(),
        places=None if places is None else places.data_ptr(),
        each=each,
    )
    if compiled.call("rnnlab_recurrence", batch, gates):
        raise MemoryError("no memory for the recurrent kernel's weights")


def _fours(weights: Sequence[Tensor]) -> list[Weights]:
    return [tuple(weights[i : i + 4]) for i in range(0, len(weights), 4)]  # type: ignore[misc]


def _padded(units: int, element_bytes: int) -> int:
    lanes = _LINE_BYTES // element_bytes
    return -(-units // lanes) * lanes


def _widen(tensor: Tensor, width: int, dim: int = -1) -> Tensor:
    """Append zeros along a dimension up to a width; the tensor itself where it has that width."""
    missing = width - tensor.shape[dim]
    if not missing:
        return tensor
    shape = list(tensor.shape)
    shape[dim] = missing
    return torch.cat([tensor, tensor.new_zeros(shape)], dim=dim)


def _narrow(buffer: Tensor, directions: int, units: int) -> Tensor:
    """View [rows, S·W] as [rows, S, H]."""
    return buffer.unflatten(1, (directions, -1))[..., :units]


def _rows(states_SBW: Tensor) -> Tensor:
    """View or copy [S, B, W] as contiguous [B, S·W]."""
    return states_SBW.transpose(0, 1).flatten(1).contiguous()
