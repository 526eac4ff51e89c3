"""The recurrences written out in NumPy, one token of one sequence at a time.

Nothing here pads, batches or calls torch. Everything also runs on complex numbers, so that
`derivative` is exact to rounding: the complex step has no difference of near numbers in it.

Legend: T time, D input width, H state width.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
State = tuple[Array, ...]
Step = Callable[[Any, Array, State, tuple[Array, ...]], tuple[Array, State]]

_TINY = 1e-30


def sigmoid(value: Array) -> Array:
    return 1 / (1 + np.exp(-value))


def relu(value: Array) -> Array:
    return np.where(np.real(value) > 0, value, 0)


def rnn(options: Any, x_D: Array, state: State, weights: tuple[Array, ...]) -> tuple[Array, State]:
    """h = act(W x + b + U h + c)."""
    (h_H,) = state
    w, u, b, c = weights
    activation = {"tanh": np.tanh, "relu": relu}[options.activation]
    h_H = activation(w @ x_D + b + u @ h_H + c)
    return h_H, (h_H,)


def lstm(options: Any, x_D: Array, state: State, weights: tuple[Array, ...]) -> tuple[Array, State]:
    """c = σ(f) c + σ(i) tanh(g); h = σ(o) tanh(c). Blocks i, f, g, o."""
    h_H, c_H = state
    w, u, b, c = weights
    i, f, g, o = np.split(w @ x_D + b + u @ h_H + c, 4)
    c_H = sigmoid(f) * c_H + sigmoid(i) * np.tanh(g)
    h_H = sigmoid(o) * np.tanh(c_H)
    return h_H, (h_H, c_H)


def gru(options: Any, x_D: Array, state: State, weights: tuple[Array, ...]) -> tuple[Array, State]:
    """n = tanh(W x + b + r (U h + c)); h = (1 - z) n + z h. Blocks r, z, n."""
    (h_H,) = state
    w, u, b, c = weights
    xr, xz, xn = np.split(w @ x_D + b, 3)
    hr, hz, hn = np.split(u @ h_H + c, 3)
    n = np.tanh(xn + sigmoid(xr + hr) * hn)
    z = sigmoid(xz + hz)
    h_H = (1 - z) * n + z * h_H
    return h_H, (h_H,)


STEPS: dict[str, tuple[Step, int]] = {"rnn": (rnn, 1), "lstm": (lstm, 2), "gru": (gru, 1)}
"""The step of each known cell, and how many vectors of H its state has."""


def recurrent(
    name: str,
    options: Any,
    x_TD: Array,
    weights: Mapping[str, Array],
    *,
    num_layers: int,
    bidirectional: bool,
) -> tuple[Array, Array]:
    """Outputs [T, H·directions] and the top layer's final state [H·directions] of one sequence."""
    step, num_states = STEPS[name]
    finals: list[Array] = []
    for layer in range(num_layers):
        columns, finals = [], []
        for suffix in ("", "_reverse") if bidirectional else ("",):
            kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            chosen = tuple(weights[f"{kind}_l{layer}{suffix}"] for kind in kinds)
            state: State = (np.zeros(chosen[1].shape[1]),) * num_states
            outputs = []
            for x_D in x_TD[::-1] if suffix else x_TD:
                h_H, state = step(options, x_D, state, chosen)
                outputs.append(h_H)
            finals.append(outputs[-1])
            columns.append(np.stack(outputs[::-1] if suffix else outputs))
        x_TD = np.concatenate(columns, axis=1)
    return x_TD, np.concatenate(finals)


def derivative(function: Callable[[Array], Array], at: Array, direction: Array) -> float:
    """Directional derivative of a real function by a complex step."""
    return float(np.imag(function(at + 1j * _TINY * direction)) / _TINY)
