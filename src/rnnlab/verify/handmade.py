"""Back-propagation through time, derived by hand and written in NumPy. No torch, no batch.

A function runs one sequence forward and returns its outputs, and a function from the gradient of
the outputs, [T, H], to the gradients of everything that went in. Weights are laid out as in
torch.nn: W [gates·H, D], U [gates·H, H], b and c [gates·H]. ⊙ is elementwise, δ_a is the gradient
of what goes into a gate's function.

Legend: T time, D input width, H state width.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Weights = tuple[Array, Array, Array, Array]
Gradients = dict[str, Array]
Backward = Callable[[Array], Gradients]


def sigmoid(value: Array) -> Array:
    """1 / (1 + e^-x)."""
    return 1 / (1 + np.exp(-value))


_FUNCTIONS: Mapping[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    # the function, and its derivative in terms of its value
    "tanh": (np.tanh, lambda y: 1 - y * y),
    "sigmoid": (sigmoid, lambda y: y * (1 - y)),
    "relu": (lambda x: np.maximum(x, 0), lambda y: (y > 0).astype(np.float64)),
}


class _Sums:
    """Gradients of the weights, added up over the steps."""

    def __init__(self, weights: Weights, x_TD: Array) -> None:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        self.of = {name: np.zeros_like(w) for name, w in zip(names, weights, strict=True)}
        self.of["x"] = np.zeros_like(x_TD)

    def add(
        self, step: int, x_D: Array, on_inputs: Array, on_states: Array, seen: list[Array]
    ) -> None:
        """Take in a step.

        Args:
            step: its number.
            x_D: its input.
            on_inputs: δ of W x + b, all gates.
            on_states: δ of U h + c, all gates.
            seen: what each gate's block of U was multiplied by.
        """
        self.of["weight_ih"] += np.outer(on_inputs, x_D)
        self.of["bias_ih"] += on_inputs
        self.of["bias_hh"] += on_states
        blocks = np.split(on_states, len(seen))
        self.of["weight_hh"] += np.concatenate(
            [np.outer(delta, h_H) for delta, h_H in zip(blocks, seen, strict=True)]
        )

    def inputs(self, weight: Array, step: int, on_inputs: Array) -> None:
        """The gradient of a step's input: Wᵀ δ."""
        self.of["x"][step] = weight.T @ on_inputs


def rnn(x_TD: Array, h_H: Array, weights: Weights, activation: str) -> tuple[Array, Backward]:
    """h_t = act(W x_t + b + U h_{t-1} + c).

    δ_a = δ_h ⊙ act'(a); δ_h flows back as Uᵀ δ_a.
    """
    w, u, b, c = weights
    act, slope = _FUNCTIONS[activation]
    states = [h_H]
    for x_D in x_TD:
        states.append(act(w @ x_D + b + u @ states[-1] + c))

    def backward(grad_TH: Array) -> Gradients:
        sums = _Sums(weights, x_TD)
        dh = np.zeros_like(h_H)
        for t in reversed(range(len(x_TD))):
            da = (dh + grad_TH[t]) * slope(states[t + 1])
            sums.add(t, x_TD[t], da, da, [states[t]])
            sums.inputs(w, t, da)
            dh = u.T @ da
        return {**sums.of, "h": dh}

    return np.stack(states[1:]), backward


def lstm(
    x_TD: Array, h_H: Array, cell_H: Array, weights: Weights, activation: str
) -> tuple[Array, Backward]:
    """c_t = f ⊙ c_{t-1} + i ⊙ act(g); h_t = o ⊙ act(c_t). Blocks i, f, g, o.

    δ_c gathers δ_h ⊙ o ⊙ act'(c) and what flows back from the next step as δ_c ⊙ f.
    δ_i = δ_c ⊙ g ⊙ i(1-i); δ_f = δ_c ⊙ c_{t-1} ⊙ f(1-f); δ_g = δ_c ⊙ i ⊙ act'(g);
    δ_o = δ_h ⊙ act(c) ⊙ o(1-o); δ_h flows back as Uᵀ δ.
    """
    w, u, b, c = weights
    act, slope = _FUNCTIONS[activation]
    hidden, cells, gates = [h_H], [cell_H], []
    for x_D in x_TD:
        i, f, g, o = np.split(w @ x_D + b + u @ hidden[-1] + c, 4)
        i, f, g, o = sigmoid(i), sigmoid(f), act(g), sigmoid(o)
        cells.append(f * cells[-1] + i * g)
        hidden.append(o * act(cells[-1]))
        gates.append((i, f, g, o))

    def backward(grad_TH: Array) -> Gradients:
        sums = _Sums(weights, x_TD)
        dh, dc = np.zeros_like(h_H), np.zeros_like(cell_H)
        for t in reversed(range(len(x_TD))):
            i, f, g, o = gates[t]
            dh = dh + grad_TH[t]
            out = act(cells[t + 1])
            dc = dc + dh * o * slope(out)
            da = np.concatenate(
                [
                    dc * g * i * (1 - i),
                    dc * cells[t] * f * (1 - f),
                    dc * i * slope(g),
                    dh * out * o * (1 - o),
                ]
            )
            sums.add(t, x_TD[t], da, da, [hidden[t]] * 4)
            sums.inputs(w, t, da)
            dh, dc = u.T @ da, dc * f
        return {**sums.of, "h": dh, "c": dc}

    return np.stack(hidden[1:]), backward


def gru(
    x_TD: Array, h_H: Array, weights: Weights, reset: str, activation: str
) -> tuple[Array, Backward]:
    """h_t = (1-z) ⊙ n + z ⊙ h_{t-1}. Blocks r, z, n.

    Reset after the product: n = act(W x + b + r ⊙ (U h + c)); before it:
    n = act(W x + b + U (r ⊙ h) + c).

    δ_z = δ_h ⊙ (h_{t-1} - n) ⊙ z(1-z); δ_n = δ_h ⊙ (1-z) ⊙ act'(n). After: with m = U h + c,
    δ_m = δ_n ⊙ r and δ_r = δ_n ⊙ m ⊙ r(1-r). Before: with q = r ⊙ h, δ_q = Uᵀ δ_n,
    δ_r = δ_q ⊙ h ⊙ r(1-r), and h gets δ_q ⊙ r besides.
    """
    w, u, b, c = weights
    act, slope = _FUNCTIONS[activation]
    ur, uz, un = np.split(u, 3)
    cr, cz, cn = np.split(c, 3)
    states, kept = [h_H], []
    for x_D in x_TD:
        h = states[-1]
        xr, xz, xn = np.split(w @ x_D + b, 3)
        r, z = sigmoid(xr + ur @ h + cr), sigmoid(xz + uz @ h + cz)
        m = un @ h + cn
        n = act(xn + (r * m if reset == "after" else un @ (r * h) + cn))
        kept.append((r, z, n, m))
        states.append((1 - z) * n + z * h)

    def backward(grad_TH: Array) -> Gradients:
        sums = _Sums(weights, x_TD)
        dh = np.zeros_like(h_H)
        for t in reversed(range(len(x_TD))):
            (r, z, n, m), h = kept[t], states[t]
            dh = dh + grad_TH[t]
            dz = dh * (h - n) * z * (1 - z)
            dn = dh * (1 - z) * slope(n)
            back = dh * z + uz.T @ dz
            if reset == "after":
                dm, seen = dn * r, h
                dr = dn * m * r * (1 - r)
                back = back + un.T @ dm
            else:
                dm, seen = dn, r * h
                dq = un.T @ dn
                dr = dq * h * r * (1 - r)
                back = back + dq * r
            on_inputs = np.concatenate([dr, dz, dn])
            sums.add(t, x_TD[t], on_inputs, np.concatenate([dr, dz, dm]), [h, h, seen])
            sums.inputs(w, t, on_inputs)
            dh = back + ur.T @ dr
        return {**sums.of, "h": dh}

    return np.stack(states[1:]), backward


def sequence(
    cell: str, options: Mapping[str, Any], x_TD: Array, state: tuple[Array, ...], weights: Weights
) -> tuple[Array, Backward]:
    """Run the cell of that name.

    Raises:
        KeyError: it has not been derived by hand.
    """
    if cell == "rnn":
        return rnn(x_TD, state[0], weights, options["activation"])
    if cell == "lstm":
        return lstm(x_TD, state[0], state[1], weights, options["activation"])
    if cell == "gru":
        return gru(x_TD, state[0], weights, options["reset"], options["activation"])
    raise KeyError(cell)


def gru_step_gradients(
    x_BD: Array, h_BH: Array, weights: Mapping[str, Array], grad_BH: Array
) -> tuple[Array, Gradients]:
    """One step of system E's GRU, and its six weight gradients.

    h = z ⊙ h_prev + (1-z) ⊙ g; g = tanh(x W_xg + (r ⊙ h_prev) W_hg);
    z = σ(x W_xz + h_prev W_hz); r = σ(x W_xr + h_prev W_hr).

    With δ the gradient of h, and
        a_z = δ ⊙ (h_prev - g) ⊙ z(1-z), a_g = δ ⊙ (1-z) ⊙ (1-g²),
        a_r = (a_g W_hgᵀ) ⊙ h_prev ⊙ r(1-r):
    dW_xz = xᵀ a_z, dW_hz = h_prevᵀ a_z, dW_xg = xᵀ a_g, dW_hg = (r ⊙ h_prev)ᵀ a_g,
    dW_xr = xᵀ a_r, dW_hr = h_prevᵀ a_r.
    """
    z = sigmoid(x_BD @ weights["W_xz"] + h_BH @ weights["W_hz"])
    r = sigmoid(x_BD @ weights["W_xr"] + h_BH @ weights["W_hr"])
    g = np.tanh(x_BD @ weights["W_xg"] + (r * h_BH) @ weights["W_hg"])
    a_z = grad_BH * (h_BH - g) * z * (1 - z)
    a_g = grad_BH * (1 - z) * (1 - g * g)
    a_r = (a_g @ weights["W_hg"].T) * h_BH * r * (1 - r)
    gradients = {
        "W_xz": x_BD.T @ a_z,
        "W_hz": h_BH.T @ a_z,
        "W_xg": x_BD.T @ a_g,
        "W_hg": (r * h_BH).T @ a_g,
        "W_xr": x_BD.T @ a_r,
        "W_hr": h_BH.T @ a_r,
    }
    return z * h_BH + (1 - z) * g, gradients
