"""Every shipped preset parses, builds without memory, and survives being written down."""

from __future__ import annotations

import pytest

from rnnlab.config.load import (
    dump_config,
    load_config,
    parse_config,
    parse_yaml,
    preset_names,
    preset_summaries,
)
from rnnlab.describe import describe

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
TOTALS = {
    "sst5-rnn-random": 5_628_133,
    "sst5-rnn-pretrained": 5_628_133,
    "sst5-lstm-random": 6_056_677,
    "sst5-lstm-pretrained": 6_056_677,
    "sst5-gru-random": 5_913_829,
    "sst5-gru-pretrained": 5_913_829,
    "sst5-bilstm-random": 8_206_309,
    "sst5-bilstm-pretrained": 8_206_309,
    "sst5-bigru-random": 7_526_373,
    "sst5-bigru-pretrained": 7_526_373,
    "imdb-mean": 2_500_301,
    "imdb-lstm": 2_618_089,
}


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_survives_being_written_down(name):
    config = load_config(name)
    assert config.name == name
    assert config.summary
    text = dump_config(config)
    again = parse_config(parse_yaml(text, name), name)
    assert again == config
    assert dump_config(again) == text


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_builds_and_its_parameters_add_up(name):
    config = load_config(name)
    facts = describe(config)
    if not config.model.module.TRAINED:
        assert facts["parameters"] is None
        return
    layers = {layer["name"]: layer for layer in facts["parameters"]["layers"]}
    options, recorded = config.model.options, facts["recorded"]
    assert facts["parameters"]["total"] == sum(layer["count"] for layer in layers.values())
    assert layers["embedding"]["count"] == recorded["vocabulary"] * options.embedding.dim
    recurrent = [layer for layer in layers.values() if "textbook" in layer]
    if options.encoder is None:
        assert recurrent == []
        return
    assert len(recurrent) == options.encoder.layers * (1 + options.encoder.bidirectional)
    gates = GATES[options.encoder.cell.name]
    for layer in recurrent:
        width, hidden = layer["shape"]
        assert layer["textbook"] == gates * hidden * (width + hidden + 1)
        assert layer["count"] == gates * hidden * (width + hidden + 2)


@pytest.mark.parametrize(("name", "total"), TOTALS.items())
def test_parameters_are_those_that_were_published(name, total):
    parameters = describe(load_config(name))["parameters"]
    assert (parameters["total"], parameters["trainable"]) == (total, total)


def test_summaries_tell_presets_apart():
    summaries = preset_summaries()
    assert list(summaries) == preset_names()
    assert len(set(summaries.values())) == len(summaries)
