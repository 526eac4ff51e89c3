"""From a name, a file and overrides to a config; and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from rnnlab.config.load import dump_config, load_config, parse_config, parse_yaml
from rnnlab.exceptions import UserError


def keys(settings: dict[str, Any], prefix: str = "") -> list[str]:
    """Dotted names of all keys, sections included."""
    found = []
    for key, value in settings.items():
        found.append(prefix + key)
        if isinstance(value, dict):
            found += keys(value, f"{prefix}{key}.")
    return found


def components(settings: dict[str, Any], prefix: str = "") -> list[str]:
    """The keys that only choose a component: 'train.optimizer.name'."""
    return [key for key in keys(settings, prefix) if key.endswith((".name", ".kind"))]


EVERYTHING = parse_yaml(dump_config(load_config("table")), "table")
CHOOSERS = components(EVERYTHING)


@pytest.mark.parametrize("key", [key for key in keys(EVERYTHING) if key not in CHOOSERS])
def test_a_misspelt_key_is_refused_and_the_right_one_named(key):
    last = key.rpartition(".")[2]
    with pytest.raises(UserError) as refused:
        load_config("table", [f"{key}q=1"])
    message = str(refused.value)
    assert f"unknown key '{key}q'" in message
    assert f"did you mean '{last}'?" in message


@pytest.mark.parametrize("key", CHOOSERS)
def test_the_choice_of_a_component_is_a_key_like_any_other(key):
    with pytest.raises(UserError, match=f"unknown key '{key}q'"):
        load_config("table", [f"{key}q=1"])
    with pytest.raises(UserError, match=r"unknown \w+( \w+)? 'zzzz'"):
        load_config("table", [f"{key}=zzzz"])


def test_overrides_are_yaml_1_2():
    config = load_config(
        "table",
        [
            *("train.optimizer.lr=1e-2", "data.label=no", "data.max_tokens=null", "seed=0010"),
            *("model.pooling=[max, final]", "data.text='4'", "summary=a=b"),
        ],
    )
    assert config.train.optimizer.options.lr == 0.01
    assert config.data.source.options.label == "no"
    assert config.data.source.options.text == "4"
    assert config.data.max_tokens is None
    assert config.seed == 10
    assert config.model.options.pooling == ("max", "final")
    assert config.summary == "a=b"


def test_later_overrides_win_and_sections_are_merged():
    config = load_config("table", ["train.epochs=2", "train.epochs=3", "train.patience=9"])
    assert (config.train.epochs, config.train.patience) == (3, 9)
    preset = load_config("table")
    assert config.train.optimizer == preset.train.optimizer
    encoder = load_config("table", ["model.encoder.cell=gru"]).model.options.encoder
    assert (encoder.cell.name, encoder.hidden) == ("gru", preset.model.options.encoder.hidden)
    assert load_config("table", ["model.encoder=null"]).model.options.encoder is None


def test_a_component_named_alone_takes_settings():
    config = load_config("table", ["train.schedule=step", "train.optimizer.name=sgd"])
    assert config.train.schedule.name == "step"
    assert config.train.optimizer.name == "sgd"
    assert load_config("sst5-majority", ["model.kind=nb"]).model.name == "nb"


def test_a_file_extends_a_preset_or_a_file_beside_it(tmp_path, monkeypatch):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "base.yaml").write_text("extends: table\ntrain: {epochs: 7}\n")
    (tmp_path / "deep" / "mine.yml").write_text("extends: base.yaml\ntrain: {patience: 1}\n")
    monkeypatch.chdir(tmp_path)
    config = load_config("deep/mine.yml", ["train.batch_size=5"])
    assert config.name == "mine"
    assert (config.train.epochs, config.train.patience, config.train.batch_size) == (7, 1, 5)
    assert (
        load_config(str(tmp_path / "deep" / "base.yaml")).train.patience
        == load_config("table").train.patience
    )


def test_a_config_cannot_be_changed():
    config = load_config("table")
    with pytest.raises(ValueError, match="frozen"):
        config.seed = 3
    with pytest.raises(ValueError, match="frozen"):
        config.model.options.encoder.hidden = 3


@pytest.mark.parametrize("text", ["!!python/object/apply:os.getcwd []", "a: !!python/name:os ''"])
def test_yaml_makes_plain_values_only(text):
    with pytest.raises(UserError, match="not valid YAML"):
        parse_yaml(text, "file.yaml")


def test_the_origin_is_named():
    with pytest.raises(UserError, match=r"^mine\.yaml: unknown key 'sed'; did you mean 'seed'\?$"):
        parse_config({"sed": 1}, "mine.yaml")
