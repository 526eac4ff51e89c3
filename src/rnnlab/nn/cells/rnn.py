"""Simple recurrent network. Source: Elman 1990: h = act(W x + U h + b)."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnlab import options
from rnnlab.nn.cells import OnnxOperator, State, Weights
from rnnlab.nn.cells._activations import ACTIVATIONS, Activation
from rnnlab.nn.native import Kind

SUMMARY = "simple (Elman) recurrence; tanh, sigmoid or relu"
VERSION = 2
GATES = 1
STATES = 1

_FUSED = {"tanh": torch.rnn_tanh, "relu": torch.rnn_relu}


class Options(options.Options):
    """Settings of the simple cell.

    Attributes:
        activation: of the state.
    """

    activation: Activation = "tanh"


def step(x_BG: Tensor, state: State, recurrent: tuple[Tensor, Tensor], options: Options) -> State:
    """Advance one token."""
    weight, bias = recurrent
    return (ACTIVATIONS[options.activation](x_BG + state[0] @ weight.T + bias),)


def kind(options: Options) -> Kind:
    """What the compiled kernel computes."""
    return Kind("rnn", options.activation)


def fused(
    x_TBD: Tensor, weights: Weights, state: State, options: Options, padding_TB: Tensor | None
) -> tuple[Tensor, State] | None:
    """Run torch's operator over all steps."""
    run = _FUSED.get(options.activation)
    if run is None:
        return None
    hidden_1BH = state[0].unsqueeze(0)
    outputs_TBH, last_1BH = run(
        x_TBD, hidden_1BH, weights, True, 1, 0.0, torch.is_grad_enabled(), False, False
    )
    return outputs_TBH, (last_1BH[0],)


def onnx(options: Options) -> OnnxOperator:
    """ONNX's operator."""
    return OnnxOperator("RNN", (0,), (options.activation.capitalize(),))
