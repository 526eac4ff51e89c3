"""A setting that a cell got when there were runs already leaves their identities alone."""

from __future__ import annotations

import pytest

from rnnlab.config.load import load_config
from rnnlab.identity import read_settings

CELL = "model.encoder.cell"


def cell_of(name: str, *overrides: str) -> dict:
    return read_settings(load_config(name, [*overrides]))["model"]["encoder"]["cell"]


@pytest.mark.parametrize("preset", ["compositional-gru", "ptb-gru", "sst5-bigru-random"])
def test_a_gru_is_what_it_was_before_there_was_a_choice(preset):
    assert cell_of(preset) == {"name": "gru", "reset": "after"}
    assert cell_of(preset, f"{CELL}.activation=tanh") == {"name": "gru", "reset": "after"}


def test_another_activation_is_another_run():
    other = cell_of("compositional-gru", f"{CELL}.activation=relu")
    assert other == {"name": "gru", "reset": "after", "activation": "relu"}


@pytest.mark.parametrize("name", ["lstm", "rnn"])
def test_cells_that_always_had_the_choice_name_it(name):
    assert cell_of("compositional-gru", f"{CELL}={name}") == {"name": name, "activation": "tanh"}


def test_a_model_without_layers_has_none():
    assert read_settings(load_config("imdb-mean"))["model"]["encoder"] is None
    assert "encoder" not in read_settings(load_config("imdb-nb"))["model"]
