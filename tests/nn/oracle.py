"""The recurrences written out in NumPy, one token of one sequence at a time.

Nothing here pads, batches or calls torch. Everything also runs on complex numbers, so that
`derivative` is exact to rounding: the complex step has no difference of near numbers in it.

Legend: T time, D input width, H state width, S directions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
State = tuple[Array, ...]
Step = Callable[[Any, Array, State, tuple[Array, ...]], State]

_TINY = 1e-30


def sigmoid(value: Array) -> Array:
    return 1 / (1 + np.exp(-value))


def relu(value: Array) -> Array:
    return np.where(np.real(value) > 0, value, 0)


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "relu": relu,
}


def rnn(options: Any, x_D: Array, state: State, weights: tuple[Array, ...]) -> State:
    """h = act(W x + b + U h + c)."""
    (h_H,) = state
    w, u, b, c = weights
    return (ACTIVATIONS[options.activation](w @ x_D + b + u @ h_H + c),)


def lstm(options: Any, x_D: Array, state: State, weights: tuple[Array, ...]) -> State:
    """c = σ(f) c + σ(i) act(g); h = σ(o) act(c). Blocks i, f, g, o."""
    h_H, c_H = state
    w, u, b, c = weights
    activation = ACTIVATIONS[options.activation]
    i, f, g, o = np.split(w @ x_D + b + u @ h_H + c, 4)
    c_H = sigmoid(f) * c_H + sigmoid(i) * activation(g)
    return sigmoid(o) * activation(c_H), c_H


def gru(options: Any, x_D: Array, state: State, weights: tuple[Array, ...]) -> State:
    """h = (1 - z) n + z h. Blocks r, z, n.

    Reset after: n = act(W x + b + r (U h + c)); before: n = act(W x + b + U (r h) + c).
    """
    (h_H,) = state
    w, u, b, c = weights
    xr, xz, xn = np.split(w @ x_D + b, 3)
    (ur, uz, un), (cr, cz, cn) = np.split(u, 3), np.split(c, 3)
    r, z = sigmoid(xr + ur @ h_H + cr), sigmoid(xz + uz @ h_H + cz)
    inner = {"after": lambda: r * (un @ h_H + cn), "before": lambda: un @ (r * h_H) + cn}
    n = ACTIVATIONS[options.activation](xn + inner[options.reset]())
    return ((1 - z) * n + z * h_H,)


STEPS: dict[str, Step] = {"rnn": rnn, "lstm": lstm, "gru": gru}
"""The step of each known cell: from one state to the next, whose first vector is the output."""


def recurrent(
    name: str,
    options: Any,
    x_TD: Array,
    state: State,
    weights: Mapping[str, Array],
    *,
    num_layers: int,
    bidirectional: bool,
) -> tuple[Array, Array, State]:
    """Run one sequence from initial states [layers·S, H], one for each that the cell has.

    Returns:
        Outputs [T, S·H], the top layer's final state [S·H], and the final states of all layers.
    """
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    suffixes = ("", "_reverse") if bidirectional else ("",)
    lasts: list[State] = []
    for layer in range(num_layers):
        columns = []
        for suffix in suffixes:
            chosen = tuple(weights[f"{kind}_l{layer}{suffix}"] for kind in kinds)
            carried = tuple(part[len(lasts)] for part in state)
            outputs = []
            for x_D in x_TD[::-1] if suffix else x_TD:
                carried = STEPS[name](options, x_D, carried, chosen)
                outputs.append(carried[0])
            lasts.append(carried)
            columns.append(np.stack(outputs[::-1] if suffix else outputs))
        x_TD = np.concatenate(columns, axis=1)
    final = np.concatenate([last[0] for last in lasts[-len(suffixes) :]])
    return x_TD, final, tuple(np.stack(each) for each in zip(*lasts, strict=True))


def derivative(function: Callable[[complex], Any]) -> float:
    """Derivative of a real function at zero by a complex step."""
    return float(np.imag(function(1j * _TINY)) / _TINY)
