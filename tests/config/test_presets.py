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
    "ptb-lstm": 4_653_200,
    "ptb-lstm-dropout": 4_653_200,
    "ptb-zaremba-small": 4_653_200,
    "ptb-gru": 4_492_400,
    "ptb-gru-dropout": 4_492_400,
    "ptb-awd": 24_221_600,
    "ptb-best-small": 4_665_040,
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
    directions = 1 + getattr(options.encoder, "bidirectional", False)
    assert len(recurrent) == options.encoder.layers * directions
    gates = GATES[options.encoder.cell.name]
    for layer in recurrent:
        width, hidden = layer["shape"]
        assert layer["textbook"] == gates * hidden * (width + hidden + 1)
        assert layer["count"] == gates * hidden * (width + hidden + 2)


@pytest.mark.parametrize(("name", "total"), TOTALS.items())
def test_parameters_are_those_that_were_published(name, total):
    parameters = describe(load_config(name))["parameters"]
    assert (parameters["total"], parameters["trainable"]) == (total, total)


def test_the_textbook_counts_one_bias_vector_per_gate():
    layers = describe(load_config("ptb-lstm"))["parameters"]["layers"]
    assert [(layer["name"], layer["count"], layer.get("textbook")) for layer in layers] == [
        ("embedding", 2_000_000, None),
        ("encoder.l0", 321_600, 320_800),
        ("encoder.l1", 321_600, 320_800),
        ("head", 2_010_000, None),
    ]


def test_a_tied_matrix_is_counted_once_and_multiplied_all_the_same():
    facts = describe(load_config("ptb-awd"))
    layers = facts["parameters"]["layers"]
    assert [(layer["name"], layer["shape"], layer["count"]) for layer in layers] == [
        ("embedding", [10_000, 400], 4_000_000),
        ("encoder.l0", [400, 1150], 4 * 1150 * (400 + 1150 + 2)),
        ("encoder.l1", [1150, 1150], 4 * 1150 * (1150 + 1150 + 2)),
        ("top.l0", [1150, 400], 4 * 400 * (1150 + 400 + 2)),
        ("head", [10_000, 400], 10_000),
    ]
    assert layers[-1]["tied"] == "embedding"
    assert facts["cost"]["training_flops_per_token"] == 6 * 24_221_600
    untied = describe(load_config("ptb-awd", ["model.tied=false"]))
    assert untied["parameters"]["total"] == 24_221_600 + 4_000_000
    assert untied["cost"] == facts["cost"]
    projected = describe(load_config("ptb-awd", ["model.encoder.last_hidden=null"]))
    layers = {layer["name"]: layer for layer in projected["parameters"]["layers"]}
    assert layers["projection"]["count"] == 400 * 1150


def test_the_layers_of_an_adaptive_softmax_add_up():
    facts = describe(load_config("ptb-lstm", ["model.adaptive.cutoffs=[2000, 6000]"]))
    layers = {layer["name"]: layer["count"] for layer in facts["parameters"]["layers"]}
    heads = {name: count for name, count in layers.items() if name.startswith("head")}
    assert heads == {
        "head.head": 2002 * 201,
        "head.tail.0.0": 200 * 50,
        "head.tail.0.1": 50 * 4000,
        "head.tail.1.0": 200 * 12,
        "head.tail.1.1": 12 * 4000,
    }
    assert facts["parameters"]["total"] == sum(layers.values())


def test_the_recipe_of_awd_is_the_published_one():
    config = load_config("ptb-awd")
    model, train = config.model.options, config.train
    assert (model.embedding.dim, model.encoder.hidden, model.encoder.layers) == (400, 1150, 3)
    dropouts = (
        model.embedding.dropout,
        model.encoder.dropout,
        model.dropout,
        model.embedding.type_dropout,
        model.encoder.weight_drop,
    )
    assert dropouts == (0.4, 0.25, 0.4, 0.1, 0.5)
    assert model.embedding.locked
    assert model.encoder.locked
    assert model.locked
    assert (train.stream.window, train.stream.ar, train.stream.tar) == (70, 2, 1)
    assert train.stream.loss == "token_mean"
    assert (train.optimizer.options.lr, train.clip_norm) == (30, 0.25)
    assert train.optimizer.options.weight_decay == 1.2e-6
    assert train.average.non_monotone == 5


def test_the_small_language_model_keeps_to_its_size():
    assert describe(load_config("ptb-best-small"))["parameters"]["total"] <= 4_700_000


def test_the_schedules_of_system_e_are_the_reported_ones():
    rates = {
        "ptb-lstm": {1: 2, 7: 2, 8: 1, 9: 0.5, 15: 2 / 2**8},
        "ptb-gru": {1: 1, 5: 1, 6: 0.5, 10: 0.5, 11: 0.25, 13: 0.25},
        "ptb-lstm-dropout": {1: 4, 15: 4, 16: 4 / 1.15, 25: 4 / 1.15},
        "ptb-gru-dropout": {6: 2, 7: 2 / 1.65, 12: 2 / 1.65, 13: 2 / 1.65**2, 35: 2 / 1.65**5},
        "ptb-zaremba-small": {1: 1, 4: 1, 5: 0.5, 13: 1 / 2**9},
        "ptb-zaremba-medium": {6: 1, 7: 1 / 1.2, 39: 1 / 1.2**33},
        "ptb-zaremba-large": {14: 1, 15: 1 / 1.15, 55: 1 / 1.15**41},
    }
    for name, expected in rates.items():
        train = load_config(name).train
        schedule, base = train.schedule, train.optimizer.options.lr
        for epoch, rate in expected.items():
            share = schedule.module.factor(schedule.options, epoch - 0.5, train.epochs)
            assert base * share == pytest.approx(rate)
        assert train.epochs == max(expected)
        assert train.stream.loss == "time_sum"


def test_summaries_tell_presets_apart():
    summaries = preset_summaries()
    assert list(summaries) == preset_names()
    assert len(set(summaries.values())) == len(summaries)
