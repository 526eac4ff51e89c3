"""The recurrence as its definition reads: one sequence after the other, one token after the other.

What the fast forms are compared with, gradients included. Slow.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rnnlab.nn.cells import State
from rnnlab.nn.recurrent import Recurrent


def recurrent(
    layers: Recurrent, x_BTD: Tensor, lengths_B: Tensor, state: State | None = None
) -> tuple[Tensor, Tensor, State]:
    """What `layers(x_BTD, lengths_B, state)` returns, without dropout."""
    state = layers.initial_state(x_BTD) if state is None else state
    rows = [
        _sequence(layers, x_BTD[b, :length], tuple(s[:, b] for s in state))
        for b, length in enumerate(lengths_B.tolist())
    ]
    outputs = x_BTD.new_zeros(*x_BTD.shape[:2], layers.output_size)
    for b, (outputs_TH, _) in enumerate(rows):
        outputs[b, : len(outputs_TH)] = outputs_TH
    last = tuple(torch.stack(each, dim=1) for each in zip(*(s for _, s in rows), strict=True))
    directions = len(layers.suffixes)
    return outputs, last[0][-directions:].transpose(0, 1).flatten(1), last


def _sequence(layers: Recurrent, x_TD: Tensor, state: State) -> tuple[Tensor, State]:
    """Outputs [T, S·H] and states [layers·S, H] of one sequence."""
    lasts = []
    for layer in range(layers.num_layers):
        columns = []
        for direction, suffix in enumerate(layers.suffixes):
            w_ih, w_hh, b_ih, b_hh = layers.weights(layer, suffix)
            at = layer * len(layers.suffixes) + direction
            carried = tuple(tensor[at].unsqueeze(0) for tensor in state)
            outputs = []
            for x_D in x_TD.flip(0) if direction else x_TD:
                x_1G = (w_ih @ x_D + b_ih).unsqueeze(0)
                carried = layers.cell.step(x_1G, carried, (w_hh, b_hh), layers.options)
                outputs.append(carried[0][0])
            lasts.append(tuple(tensor[0] for tensor in carried))
            columns.append(torch.stack(outputs[::-1] if direction else outputs))
        x_TD = torch.cat(columns, dim=-1)
    return x_TD, tuple(torch.stack(each) for each in zip(*lasts, strict=True))
