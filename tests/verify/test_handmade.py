"""The derivations by hand agree with slopes that are exact to rounding, without torch."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlab.verify import handmade

STEPS, INPUTS, HIDDEN = 5, 3, 4
CELLS = {
    "rnn tanh": ("rnn", {"activation": "tanh"}, 1, 1),
    "rnn relu": ("rnn", {"activation": "relu"}, 1, 1),
    "rnn sigmoid": ("rnn", {"activation": "sigmoid"}, 1, 1),
    "lstm tanh": ("lstm", {"activation": "tanh"}, 4, 2),
    "lstm sigmoid": ("lstm", {"activation": "sigmoid"}, 4, 2),
    "gru after": ("gru", {"reset": "after", "activation": "tanh"}, 3, 1),
    "gru before": ("gru", {"reset": "before", "activation": "tanh"}, 3, 1),
    "gru after, relu": ("gru", {"reset": "after", "activation": "relu"}, 3, 1),
    "gru before, sigmoid": ("gru", {"reset": "before", "activation": "sigmoid"}, 3, 1),
}
STENCIL = {1: 45 / 60, 2: -9 / 60, 3: 1 / 60}


@pytest.mark.parametrize("name", CELLS)
def test_every_gradient_is_the_slope_of_the_loss(name):
    cell, options, gates, states = CELLS[name]
    generator = np.random.default_rng(7)
    shapes = [(gates * HIDDEN, INPUTS), (gates * HIDDEN, HIDDEN), (gates * HIDDEN,)]
    weights = [generator.standard_normal(shape) * 0.7 for shape in (*shapes, shapes[2])]
    x = generator.standard_normal((STEPS, INPUTS))
    state = [generator.standard_normal(HIDDEN) for _ in range(states)]
    on_outputs = generator.standard_normal((STEPS, HIDDEN))

    def loss() -> float:
        outputs, _ = handmade.sequence(cell, options, x, tuple(state), tuple(weights))
        return float((outputs * on_outputs).sum())

    _, backward = handmade.sequence(cell, options, x, tuple(state), tuple(weights))
    found = backward(on_outputs)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    arrays = dict(zip(names, weights, strict=True)) | {"x": x, "h": state[0]}
    if states == 2:
        arrays["c"] = state[1]
    assert found.keys() == arrays.keys()
    step = 1e-5 if options.get("activation") == "relu" else 1e-3  # relu: no kink is crossed
    for key, array in arrays.items():
        direction = generator.standard_normal(array.shape)
        direction /= np.linalg.norm(direction)
        kept, slope = array.copy(), 0.0
        for steps, weight in STENCIL.items():
            for sign in (1, -1):
                array[...] = kept + sign * steps * step * direction
                slope += sign * weight * loss() / step
        array[...] = kept
        assert slope == pytest.approx(float((found[key] * direction).sum()), rel=1e-9, abs=1e-9)


def test_system_e_has_six_gradients():
    generator = np.random.default_rng(1)
    weights = {
        name: generator.standard_normal((3 if name[2] == "x" else 4, 4))
        for name in ("W_xz", "W_hz", "W_xg", "W_hg", "W_xr", "W_hr")
    }
    x, h, on_h = (generator.standard_normal((2, n)) for n in (3, 4, 4))
    _, found = handmade.gru_step_gradients(x, h, weights, on_h)
    for name, gradient in found.items():
        row, column = 1, 2
        slope = 0.0
        kept = weights[name][row, column]
        for steps, weight in STENCIL.items():
            for sign in (1, -1):
                weights[name][row, column] = kept + sign * steps * 1e-3
                value = float((handmade.gru_step_gradients(x, h, weights, on_h)[0] * on_h).sum())
                slope += sign * weight * value / 1e-3
        weights[name][row, column] = kept
        assert slope == pytest.approx(gradient[row, column], rel=1e-9, abs=1e-11)
