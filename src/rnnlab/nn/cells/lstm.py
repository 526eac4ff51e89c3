"""LSTM with forget gate. Source: Hochreiter & Schmidhuber 1997, Gers et al. 2000.

Gate order i, f, g, o, as torch.nn.LSTM has it, with act = tanh unless set otherwise:
    c = σ(f) ⊙ c + σ(i) ⊙ act(g);  h = σ(o) ⊙ act(c).
"""

from __future__ import annotations

import torch
from torch import Tensor

from rnnlab import options
from rnnlab.nn.cells import OnnxOperator, State, Weights
from rnnlab.nn.cells._activations import ACTIVATIONS, Activation
from rnnlab.nn.native import Kind

SUMMARY = "long short-term memory (torch's variant; tanh, sigmoid or relu inside)"
VERSION = 2
GATES = 4
STATES = 2

_SHUT = 1e4  # a gate's input at which its sigmoid is exactly 0 or 1


class Options(options.Options):
    """Settings of the LSTM.

    Attributes:
        activation: of the candidate and of the cell state on its way out; the gates stay sigmoid.
    """

    activation: Activation = "tanh"


def step(x_BG: Tensor, state: State, recurrent: tuple[Tensor, Tensor], options: Options) -> State:
    """Advance one token."""
    weight, bias = recurrent
    activation = ACTIVATIONS[options.activation]
    i, f, g, o = (x_BG + state[0] @ weight.T + bias).chunk(4, dim=-1)
    cell = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * activation(g)
    return torch.sigmoid(o) * activation(cell), cell


def kind(options: Options) -> Kind:
    """What the compiled kernel computes."""
    return Kind("lstm", options.activation)


def fused(
    x_TBD: Tensor, weights: Weights, state: State, options: Options, padding_TB: Tensor | None
) -> tuple[Tensor, State] | None:
    """Run torch's operator over all steps; at padding an added input shuts the gates, so that the
    cell state stays as it was."""
    if options.activation != "tanh" or _has_no_operator(x_TBD):
        return None
    if padding_TB is not None:
        w_ih, w_hh, b_ih, b_hh = weights
        x_TBD = torch.cat([x_TBD, padding_TB.unsqueeze(-1).to(x_TBD.dtype)], dim=-1)
        shut_G = w_ih.new_tensor([-_SHUT, _SHUT, 0.0, 0.0]).repeat_interleave(w_hh.shape[1])
        weights = torch.cat([w_ih, shut_G.unsqueeze(1)], dim=1), w_hh, b_ih, b_hh
    start = (state[0].unsqueeze(0), state[1].unsqueeze(0))
    outputs_TBH, hidden_1BH, cell_1BH = torch.lstm(
        x_TBD, start, weights, True, 1, 0.0, torch.is_grad_enabled(), False, False
    )
    return outputs_TBH, (hidden_1BH[0], cell_1BH[0])


def _has_no_operator(x_TBD: Tensor) -> bool:
    """Torch runs an LSTM on a CPU by oneDNN, which has none in float16."""
    is_cast = torch.is_autocast_enabled("cpu")
    dtype = torch.get_autocast_dtype("cpu") if is_cast else x_TBD.dtype
    return x_TBD.device.type == "cpu" and dtype == torch.float16


def onnx(options: Options) -> OnnxOperator:
    """ONNX's operator, whose gates are i, o, f, g."""
    activation = options.activation.capitalize()
    return OnnxOperator("LSTM", (0, 3, 1, 2), ("Sigmoid", activation, activation))
