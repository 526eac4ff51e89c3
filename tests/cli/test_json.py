"""The keys that scripts rely on: `--json` prints one object, and this is what is in it."""

from __future__ import annotations

import pytest


def numbers(value: dict, *names: str) -> None:
    for name in names:
        assert isinstance(value[name], int | float), name
        assert not isinstance(value[name], bool), name


def test_show(cli):
    facts = cli("show", "sst5-bilstm-pretrained", "--json").json
    assert facts["config"]["name"] == "sst5-bilstm-pretrained"
    assert facts["config"]["model"]["encoder"]["cell"] == {"name": "lstm", "activation": "tanh"}
    parameters = facts["parameters"]
    layers = parameters["layers"]
    assert parameters["total"] == sum(layer["count"] for layer in layers)
    assert parameters["trainable"] == parameters["total"]
    assert [layer["name"] for layer in layers] == [
        "embedding",
        *("encoder.l0", "encoder.l0_reverse", "encoder.l1", "encoder.l1_reverse"),
        "head",
    ]
    assert layers[0]["shape"] == [18280, 300]
    assert layers[1]["shape"] == [300, 256]
    assert layers[3]["shape"] == [512, 256]
    assert ["textbook" in layer for layer in layers] == [False, True, True, True, True, False]
    numbers(facts["cost"], "training_flops_per_token")
    frozen = cli("show", "sst5-bilstm-frozen", "--json").json["parameters"]
    assert frozen["trainable"] == frozen["total"] - 18280 * 300
    assert cli("show", "sst5-nb", "--json").json["parameters"] is None


def test_train(finished):
    facts = finished.result.json
    assert facts["run"] == str(finished.run)
    assert facts["status"] == "completed"
    numbers(facts, "seconds", "parameters", "epochs", "best_epoch")
    numbers(facts["train"], "examples", "loss", "accuracy")
    numbers(facts["val"], "examples", "loss", "accuracy", "macro_f1")
    assert facts["train"]["examples"] + facts["val"]["examples"] == 90


def test_evaluate(cli, finished):
    facts = cli("evaluate", finished.run, "--split", "test", "--json").json
    assert facts["run"] == str(finished.run)
    assert facts["split"] == "test"
    numbers(facts, "examples", "accuracy", "macro_f1", "loss")
    assert [item["label"] for item in facts["per_class"]] == ["bad", "good", "mixed"]
    for item in facts["per_class"]:
        numbers(item, "precision", "recall", "f1", "support")
    mean = sum(item["f1"] for item in facts["per_class"]) / 3
    assert facts["macro_f1"] == pytest.approx(mean)
    assert [sum(row) for row in facts["confusion"]] == [10, 10, 10]
    assert facts["accuracy"] == sum(facts["confusion"][i][i] for i in range(3)) / 30
    numbers(facts["texts"], "tokens", "coverage", "cut_tokens", "cut_texts")


def test_evaluate_for_people_says_the_same(cli, finished):
    facts = cli("evaluate", finished.run, "--json").json
    shown = cli("evaluate", finished.run)
    assert shown.code == 0
    assert f"{finished.run.name} on val: 18 texts" in shown.out
    assert f"loss {facts['loss']:.4f}" in shown.out
    for label in ("bad", "good", "mixed"):
        assert label in shown.out


def test_predict(cli, finished):
    facts = cli("predict", finished.run, "a great film", "dull", "--json").json
    assert (facts["texts"], facts["texts_cut"], facts["texts_empty"]) == (2, 0, 0)
    assert (facts["tokens"], facts["coverage"]) == (4, 1)
    assert len(facts["predictions"]) == 2
    for item in facts["predictions"]:
        assert item["probability"] == max(item["probabilities"].values())
        assert item["probabilities"][item["label"]] == item["probability"]
        assert list(item["probabilities"]) == ["bad", "good", "mixed"]


def test_list(cli, tmp_path, finished):
    presets = cli("list", "presets", "--json").json["presets"]
    assert {"name", "summary"} == set(presets[0])
    assert "sst5" in [preset["name"] for preset in presets]
    assert all(preset["summary"] for preset in presets)
    assert not any(preset["name"].startswith("_") for preset in presets)
    assert cli("list", "runs", "--json").json == {"runs": []}
    assert "no runs in runs" in cli("list", "runs").out
    runs = cli("list", "runs", "--runs", finished.run.parent, "--json").json["runs"]
    (run,) = [run for run in runs if run["directory"] == str(finished.run)]
    assert run["name"] == "table"
    assert run["status"] == "completed"
    assert run["accuracy"] == finished.result.json["val"]["accuracy"]
    numbers(run, "seed", "macro_f1", "seconds", "parameters")
    assert finished.run.name in cli("list", "runs", "--runs", finished.run.parent).out.replace(
        "\n", ""
    )


def test_doctor(cli):
    facts = cli("doctor", "--json").json
    assert {"python", "rnnlab", "torch", "numpy"} <= set(facts["versions"])
    numbers(facts["machine"], "cores", "torch threads")
    assert set(facts["recurrent kernels"]) == {"rnn", "gru", "lstm"}
    assert {"RNNLAB_DATA", "cache", "imdb", "sst5"} <= set(facts["data"])
    assert "torch threads" in cli("doctor").out


def test_doctor_says_that_the_data_folder_is_not_one(cli, monkeypatch):
    monkeypatch.setenv("RNNLAB_DATA", "/nowhere")
    result = cli("doctor", "--json")
    assert result.code == 0, result.err
    assert "/nowhere" in result.json["data"]["RNNLAB_DATA"]


def test_data_list_and_fetch(cli):
    sources = cli("data", "list", "--json").json["sources"]
    assert {"compositional", "imdb", "sst2", "sst5", "table"} <= {row["name"] for row in sources}
    assert all({"name", "summary", "found", "state"} == set(row) for row in sources)
    for row in sources:
        if row["name"] in ("compositional", "table"):
            assert row["found"] is True
    fetched = cli("data", "fetch", "compositional", "--json").json
    assert fetched == {"name": "compositional", "files": []}
