"""rnnlab ensemble: an exact mean, used like a run; refused where runs do not fit together."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import accuracy_score, f1_score

LABELS = ("bad", "good", "mixed")


def read(path: Path) -> tuple[list[int], list[str], np.ndarray]:
    table = pq.read_table(path).to_pylist()
    probabilities = np.array([[row[f"p_{label}"] for label in LABELS] for row in table])
    return [row["row"] for row in table], [row["label"] for row in table], probabilities


@pytest.fixture
def linear(cli, finished):
    """Train an n-gram model on the table of the finished run: linear(kind, overrides...)."""

    def train(kind: str, *overrides: str) -> str:
        table = ("table", f"data.path={finished.table}", f"data.test_path={finished.test}")
        chosen = ("data.text=review", f"model={kind}", "model.min_texts=1", *overrides)
        result = cli("train", *table, *chosen, "--json")
        assert result.code == 0, result.err
        return result.json["run"]

    return train


@pytest.fixture
def members(linear, finished) -> list[str]:
    """A network that reads 40 tokens and two n-gram models, one by another tokenizer."""
    shutil.copytree(finished.run, Path("runs") / finished.run.name)
    others = [linear("nb"), linear("tfidf", "data.tokenizer=whitespace")]
    return [f"runs/{finished.run.name}", *others]


def test_its_answers_are_the_weighted_mean_of_those_of_its_members(cli, members, finished):
    facts = cli("ensemble", *members, "--json").json
    assert facts["weighting"] == "fitted"
    weights = [member["weight"] for member in facts["members"]]
    assert sum(weights) == pytest.approx(1)
    assert [member["run"] for member in facts["members"]] == members
    directory = Path(facts["directory"])
    parts = [read(Path(member) / "predictions" / "val.parquet") for member in members]
    rows, labels, mean = read(directory / "predictions" / "val.parquet")
    assert rows == parts[0][0]
    expected = sum(w * part[2] for w, part in zip(weights, parts, strict=True))
    np.testing.assert_allclose(mean, expected, rtol=2**-22, atol=1e-30)
    predicted = [LABELS[i] for i in mean.argmax(axis=1)]
    assert facts["fitted"]["accuracy"] == pytest.approx(accuracy_score(labels, predicted))
    assert facts["fitted"]["macro_f1"] == pytest.approx(
        f1_score(labels, predicted, average="macro")
    )
    chosen = mean[np.arange(len(labels)), [LABELS.index(label) for label in labels]]
    assert facts["fitted"]["loss"] == pytest.approx(-np.log(chosen).mean())
    assert facts["fitted"]["loss"] <= min(m["score"]["loss"] for m in facts["members"]) + 1e-6
    assert facts["fitted"]["loss"] <= facts["equal"]["loss"] + 1e-6
    assert facts["fitted"]["loss"] <= facts["cross_fitted"]["loss"] + 1e-6

    evaluated = cli("evaluate", directory, "--split", "test", "--json").json
    assert evaluated["run"] == str(directory)
    _, labels, mean = read(directory / "predictions" / "test.parquet")
    assert evaluated["accuracy"] == accuracy_score(labels, [LABELS[i] for i in mean.argmax(axis=1)])
    alone = []
    for member in members:
        assert not (Path(member) / "predictions" / "test.parquet").exists()
        assert cli("evaluate", member, "--split", "test").code == 0
        alone.append(read(Path(member) / "predictions" / "test.parquet")[2])
    expected = sum(w * part for w, part in zip(weights, alone, strict=True))
    np.testing.assert_allclose(mean, expected, rtol=1e-5, atol=1e-7)


def test_evaluation_repeats_validation_and_counts_one_use_of_test(cli, members):
    facts = cli("ensemble", *members, "--weights", "equal", "--json").json
    directory = facts["directory"]
    before = read(Path(directory) / "predictions" / "val.parquet")
    val = cli("evaluate", directory, "--json").json
    assert val["accuracy"] == pytest.approx(facts["equal"]["accuracy"])
    assert val["loss"] == pytest.approx(facts["equal"]["loss"], abs=1e-6)
    after = read(Path(directory) / "predictions" / "val.parquet")
    assert before[:2] == after[:2]
    np.testing.assert_allclose(before[2], after[2], rtol=0, atol=1e-6)
    assert not Path("runs/test-ledger.jsonl").exists()
    test = cli("evaluate", directory, "--split", "test", "--json").json
    (line,) = map(json.loads, Path("runs/test-ledger.jsonl").read_text().splitlines())
    assert line["run"] == Path(directory).name
    assert line["accuracy"] == test["accuracy"]
    record = json.loads((Path(directory) / "ensemble.json").read_text())
    assert line["hash"] == record["hash"]
    assert [member["weight"] for member in record["members"]] == [1 / 3] * 3


def test_predict_takes_it_like_a_run(cli, members, finished):
    directory = cli("ensemble", *members, "--weights", "equal", "--json").json["directory"]
    texts = ["a great film", "dull and long " + "word " * 50, ""]
    facts = cli("predict", directory, *texts, "--json").json
    parts = [cli("predict", member, *texts, "--json").json["predictions"] for member in members]
    for number, answer in enumerate(facts["predictions"]):
        for label in LABELS:
            mean = np.mean([part[number]["probabilities"][label] for part in parts])
            assert answer["probabilities"][label] == pytest.approx(mean, abs=1e-6)
    assert (facts["texts_cut"], facts["texts_empty"]) == (1, 1)
    done = cli("predict", directory, "--input", finished.test, "--output", "out.csv", "--json")
    assert done.json == {
        "output": "out.csv",
        "texts": 30,
        "kept": 30,
        "texts_cut": 0,
        "texts_empty": 0,
        "tokens": 225,
        "coverage": 1.0,
        "max_tokens": 40,
    }
    lines = cli("predict", directory, stdin=b"a great film\n")
    assert lines.out.split("\t")[0] == facts["predictions"][0]["label"]


def test_asked_again_in_another_order_it_is_the_same_ensemble(cli, members):
    first = cli("ensemble", *members, "--weights", "equal", "--json").json
    files = {p: p.read_bytes() for p in Path(first["directory"]).rglob("*") if p.is_file()}
    again = cli("ensemble", *members[::-1], "--weights", "equal", "--json").json
    assert again["directory"] == first["directory"]
    assert {p: p.read_bytes() for p in files} == files
    fitted = cli("ensemble", *members, "--json").json
    assert fitted["directory"] != first["directory"]
    assert fitted["equal"] == first["equal"]


def test_a_folder_of_runs_can_be_moved(cli, members, tmp_path):
    directory = cli("ensemble", *members, "--json").json["directory"]
    (tmp_path / "runs").rename(tmp_path / "archive")
    moved = str(directory).replace("runs/", "archive/")
    assert cli("evaluate", moved, "--split", "test").code == 0


def test_for_people(cli, members):
    result = cli("ensemble", *members)
    assert result.code == 0
    assert result.err == ""
    shown = " ".join(result.out.split())
    for part in ("equal weights", "fitted weights", "crosswise", "which flatters"):
        assert part in shown
    assert max(map(len, result.out.splitlines())) <= 80


def test_runs_that_do_not_belong_together(refused, cli, linear, members, tmp_path, write, rows):
    one = members[1]
    assert "at least two runs" in refused("ensemble", one)
    assert f"{one} is named twice" in refused("ensemble", one, one)
    assert "absent: no such run" in refused("ensemble", one, "absent")
    assert "validate on different rows" in refused(
        "ensemble", one, linear("nb", "data.validation.seed=1")
    )
    folds = [
        linear("nb", "data.validation.fold.of=3", f"data.validation.fold.number={number}")
        for number in (1, 2)
    ]
    assert "validate on different rows" in refused("ensemble", *folds)
    same_rows = [{**row, "review": row["review"].upper()} for row in rows * 3]
    other = linear("nb", f"data.path={write(tmp_path / 'other.csv', same_rows)}")
    message = refused("ensemble", one, other)
    assert "were trained on different data" in message
    assert one in message
    assert other in message
    renamed = [{**row, "label": f"{row['label']}!"} for row in rows * 3]
    named = linear("nb", f"data.path={write(tmp_path / 'named.csv', renamed)}")
    assert "have different labels" in refused("ensemble", one, named)


def test_unfinished_runs_and_ensembles_are_no_members(refused, cli, members):
    facts = json.loads((Path(members[2]) / "run.json").read_text())
    (Path(members[2]) / "run.json").write_text(json.dumps({**facts, "status": "interrupted"}))
    assert "is not finished (interrupted)" in refused("ensemble", *members)
    directory = cli("ensemble", *members[:2], "--json").json["directory"]
    assert "is an ensemble itself" in refused("ensemble", members[0], directory)
    (Path(members[1]) / "predictions" / "val.parquet").write_bytes(b"PAR1")
    assert "the predictions are damaged; `rnnlab evaluate RUN`" in refused("ensemble", *members[:2])
    (Path(members[1]) / "predictions" / "val.parquet").unlink()
    assert "no predictions here; `rnnlab evaluate RUN`" in refused("ensemble", *members[:2])


def test_where_an_ensemble_cannot_go(refused, cli, members, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("x")
    assert "other holds something else" in refused("ensemble", *members, "--out", "other")
    assert "holds a run" in refused("ensemble", *members[:2], "--out", members[2])
    assert cli("ensemble", *members, "--out", "mine").code == 0
    assert cli("ensemble", *members, "--out", "mine").code == 0
    assert "holds another ensemble" in refused("ensemble", *members[:2], "--out", "mine")


def test_a_member_that_is_gone_or_was_trained_anew(refused, cli, members):
    directory = cli("ensemble", *members, "--json").json["directory"]
    member = Path(members[1])
    uses = (("evaluate", directory, "--split", "test"), ("predict", directory, "a text"))
    member.rename("runs/away")
    for use in uses:
        message = refused(*use)
        assert "is missing" in message
        assert member.name in message
    shutil.copytree(members[2], member)
    for use in uses:
        assert "was trained anew since" in refused(*use)
    shutil.rmtree(member)
    shutil.copytree("runs/away", member)
    assert cli(*uses[1]).code == 0
    weights = member / "model" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\0")
    assert "was trained anew since" in refused(*uses[1])
    weights.unlink()
    assert "no trained model here" in refused(*uses[1])
    assert not Path("runs/test-ledger.jsonl").exists()


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"format": 1}', '{"format": 2}'])
def test_a_damaged_ensemble(refused, cli, members, content):
    directory = Path(cli("ensemble", *members[1:], "--json").json["directory"])
    (directory / "ensemble.json").write_text(content)
    assert "ensemble.json" in refused("evaluate", directory)
    assert "ensemble.json" in refused("predict", directory, "a text")


def test_changed_weights_are_noticed(refused, cli, members):
    directory = Path(cli("ensemble", *members[1:], "--json").json["directory"])
    record = json.loads((directory / "ensemble.json").read_text())
    record["members"][0]["weight"] = 0.9
    (directory / "ensemble.json").write_text(json.dumps(record))
    assert "damaged" in refused("predict", directory, "a text")


def test_members_with_different_test_tables_are_not_scored_together(
    refused, cli, linear, finished, tmp_path, write, rows
):
    other = write(tmp_path / "other.csv", rows)
    two = [linear("nb"), linear("tfidf", f"data.test_path={other}")]
    directory = cli("ensemble", *two, "--json").json["directory"]
    message = refused("evaluate", directory, "--split", "test", after_progress=True)
    assert "has other texts" in message
    assert not Path("runs/test-ledger.jsonl").exists()
