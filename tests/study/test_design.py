"""What a study file may say, and what it expands to."""

from __future__ import annotations

import json

import pytest

from rnnlab.config.load import parse_yaml
from rnnlab.exceptions import UserError
from rnnlab.study.expansion import Expansion, expand
from rnnlab.study.loading import load_design, study_names, study_summaries

COUNTS = {
    "imdb-factors": 16,
    "imdb-failure": 36,
    "imdb-minibatching": 48,
    "imdb-one-factor": 30,
    "imdb-tokenizers": 24,
    "padding": 6,
    "ptb-four": 4,
    "ptb-sweeps": 6,
    "quickstart": 12,
    "sst5-architectures": 30,
    "sst5-bilstm": 12,
    "sst5-tuning": 12,
}


@pytest.fixture
def plan_of(tmp_path, write_study):
    """Expand a study file that adds some YAML to the tiny base."""

    def plan(more: str, *overrides: str, limit: int | None = None):
        return expand(load_design(str(write_study(tmp_path, more)), list(overrides), limit))

    return plan


@pytest.mark.parametrize("name", study_names())
def test_a_shipped_study_expands_to_its_runs(name):
    assert study_summaries()[name]
    plan = expand(load_design(name))
    assert len(plan.trials()) == COUNTS[name]
    assert all(group.levels for group in plan.groups if group.name != "combined")
    settings = plan.design.model_dump(mode="json", exclude_defaults=True)
    assert settings == parse_yaml(json.dumps(settings), name)


def test_every_row_of_system_b_is_there_and_coinciding_ones_are_one_run():
    plan = expand(load_design("imdb-factors"))
    assert sum(len(group.levels) for group in plan.groups) == 21
    rows = {
        (group.name, level.label): level.trials[0].name
        for group in plan.groups
        for level in group.levels
    }
    one = rows["optimizer", "AdamW"]
    assert one == rows["activation", "tanh"] == rows["clipping", "0"]
    assert rows["length", "200"] == rows["architecture", "LSTM"]
    assert rows["capacity", "128"] == rows["clipping", "1"]
    assert [len(plan.trials([name])) for name in ("length", "seed")] == [3, 3]


def test_system_c_has_ten_runs_a_seed_and_its_base_in_every_group():
    plan = expand(load_design("imdb-one-factor", ["seeds=[7]"]))
    assert len(plan.trials()) == 10
    assert {t.config.seed for t in plan.trials()} == {7}
    assert all(
        sum(level.is_base for level in group.levels) == 1
        for group in plan.groups
        if group.name != "combined"
    )


def test_levels_are_values_or_overrides(plan_of):
    plan = plan_of("""
factors:
  width: {key: model.encoder.hidden, levels: [4, 6]}
  cell: {levels: {plain: {model.encoder.cell: rnn}, both: {base: compositional-bilstm-attention}}}
""")
    width, cell = plan.groups
    assert (width.factor, width.is_numeric) == ("model.encoder.hidden", True)
    assert [(level.label, level.value, level.is_base) for level in width.levels] == [
        ("4", 4, True),
        ("6", 6, False),
    ]
    assert (cell.factor, cell.is_numeric) == (None, False)
    configs = [level.trials[0].config for level in cell.levels]
    assert configs[0].model.options.encoder.cell.name == "rnn"
    assert configs[1].model.options.encoder.bidirectional
    assert all(config.train.epochs == 2 for config in configs)


def test_a_grid_is_every_combination(plan_of):
    (group,) = plan_of("""
grid:
  both:
    axes:
      train.epochs: [1, 2]
      drop: {little: {model.dropout: 0.1}, much: {model.dropout: 0.5}}
""").groups
    labels = [level.label for level in group.levels]
    assert labels == ["1 · little", "1 · much", "2 · little", "2 · much"]
    last = group.levels[-1].trials[0].config
    assert (last.train.epochs, last.model.options.dropout) == (2, 0.5)


RANDOM = """
random:
  search:
    draws: 30
    seed: 5
    ranges:
      train.optimizer.lr: {low: 1e-4, high: 1e-2, log: true}
      model.encoder.hidden: {low: 4, high: 9}
      model.dropout: [0.1, 0.2]
"""


def test_draws_are_those_of_their_seed_and_within_their_ranges(plan_of):
    (group,) = plan_of(RANDOM).groups
    assert group == plan_of(RANDOM).groups[0]
    assert group != plan_of(RANDOM.replace("seed: 5", "seed: 6")).groups[0]
    draws = [level.overrides for level in group.levels]
    rates = [draw["train.optimizer.lr"] for draw in draws]
    assert len(set(rates)) == 30
    assert 1e-4 <= min(rates) < 1e-3 < max(rates) <= 1e-2
    assert {draw["model.encoder.hidden"] for draw in draws} <= set(range(4, 10))
    assert {draw["model.dropout"] for draw in draws} == {0.1, 0.2}


def test_a_model_without_chance_is_run_once_whatever_the_seeds():
    plan = expand(load_design("quickstart", ["seeds=[3, 4]"]))
    seeds = {level.label: len(level.trials) for level in plan.groups[0].levels}
    assert (seeds["NB 1- to 3-grams"], seeds["GRU"]) == (1, 2)


def test_a_level_with_its_own_seed_has_that_one_alone(plan_of):
    plan = plan_of("seeds: [1, 2]\nfactors: {seed: {key: seed, levels: [7, 1]}}\n")
    seeds = [[trial.config.seed for trial in level.trials] for level in plan.groups[0].levels]
    assert seeds == [[7], [1]]
    assert not plan.groups[0].is_numeric


def test_changes_of_the_command_line_reach_every_level_but_do_not_undo_it(plan_of):
    rates = "factors: {rate: {key: train.optimizer.lr, levels: [0.1, 0.2]}}\n"
    plan = plan_of(rates, "train.epochs=1", "train.optimizer.lr=0.5", limit=32)
    configs = [trial.config for trial in plan.trials()]
    assert [config.train.optimizer.options.lr for config in configs] == [0.1, 0.2]
    assert {config.train.epochs for config in configs} == {1}
    assert {config.data.subset.fraction for config in configs} == {32 / 256}
    names = {trial.name for trial in plan_of(rates).trials()}
    assert names.isdisjoint({trial.name for trial in plan.trials()})


def test_clipping_at_zero_is_no_clipping(plan_of):
    plan = plan_of("factors: {clip: {key: train.clip_norm, levels: [0, null, 1]}}\n")
    assert len(plan.trials()) == 2


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            "factors: {a: {levels: {x: {model.encoder.hiden: 3}}}}",
            ["factors.a, level 'x'", "hidden"],
        ),
        ("factors: {a: {key: train.epochs, levls: [1]}}", ["factors.a.levls", "levels"]),
        ("factors: {a: {key: train.epochs, levels: [one]}}", ["level 'one'", "train.epochs"]),
        ("factors: {a: {levels: [1]}}", ["factors.a", "dotted key"]),
        ("factors: {a: {key: train.epochs, levels: []}}", ["factors.a.levels"]),
        (
            "factors: {a: {levels: {x: {model.encoder: null}}}}",
            ["factors.a, level 'x'", "model.pooling 'final'"],
        ),
        ("factors: {a: {key: train.metric, levels: [perplexity]}}", ["perplexity", "accuracy"]),
        ("factor: {}", ["unknown key 'factor'", "factors"]),
        ("seeds: [0]", ["factors, grid or random"]),
        ("seeds: [1, 1]\nfactors: {a: {key: train.epochs, levels: [1]}}", ["seeds"]),
        ("factors: {a: {levels: {x: {base: compositional-gro}}}}", ["compositional-gru"]),
        (
            "factors: {a: {key: train.epochs, levels: [1], reported: {figures: {2: {}}}}}",
            ["factors.a", "'2'"],
        ),
        (
            "factors: {a: {key: train.epochs, levels: [1]}}\nthen: {combine: [b]}",
            ["then.combine", "'b'", "'a'"],
        ),
        (
            "factors:\n  a: {key: model.encoder.cell, levels: [gru]}\n"
            "  b: {levels: {x: {model.encoder: {cell: gru, hidden: 4}}}}\nthen: combine",
            ["then.combine", "'b' sets model.encoder", "'a'"],
        ),
        (
            "random: {a: {draws: 2, ranges: {train.epochs: {low: 3, high: 1}}}}",
            ["random.a.ranges", "below"],
        ),
        ("factors: [1", ["line", "not valid YAML"]),
    ],
)
def test_a_mistake_is_named_with_its_place(plan_of, more, said):
    with pytest.raises(UserError) as caught:
        plan_of(more)
    message = str(caught.value)
    assert "tiny" in message
    assert "\n" not in message
    for part in said:
        assert part in message, message


def test_an_unknown_study_and_an_unknown_override(plan_of):
    with pytest.raises(UserError, match="did you mean 'quickstart'"):
        load_design("quickstrat")
    with pytest.raises(UserError, match="did you mean 'epochs'"):
        plan_of("factors: {a: {key: train.batch_size, levels: [8]}}\n", "train.epohcs=1")


def test_what_the_command_line_changes_of_the_study_itself_is_kept_as_such(plan_of):
    rates = "seeds: [0, 1]\nfactors: {rate: {key: train.optimizer.lr, levels: [0.1]}}\n"
    design = plan_of(rates, "seeds=[1]", "test=false", "train.epochs=1").design
    assert design.seeds == [1]
    assert design.changed.own == {"seeds": [1]}  # test is what it was
    assert design.changed.overrides == {"train.epochs": 1}


def test_a_combination_stands_beside_its_base_and_nothing_undoes_its_levels(plan_of):
    expansion = Expansion(load_design("imdb-one-factor", ["seeds=[0]"]))
    expansion.plan()
    best = {"model.encoder.cell": "rnn", "model.encoder.cell.activation": "relu"}
    base, combined = expansion.combination(best, "rnn · relu")
    assert (base.label, base.is_base, combined.is_base) == ("imdb-c-baseline", True, False)
    cell = combined.trials[0].config.model.options.encoder.cell
    assert (cell.name, cell.options.activation) == ("rnn", "relu")
    (alone,) = expansion.combination({}, "all of the base")
    assert alone.trials == base.trials
