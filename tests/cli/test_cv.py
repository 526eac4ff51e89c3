"""rnnlab cv: every row once, whole groups, nothing trained twice, going on after a stop."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import accuracy_score, f1_score

from rnnlab.config.load import load_config
from rnnlab.crossvalidation import cross_validate, spread_of
from rnnlab.exceptions import Interrupted

SMALL = ("data.train_size=150", "data.val_size=20", "data.test_size=20")
NETWORK = (
    "compositional-mean",
    *SMALL,
    "threads=1",
    "model.embedding.dim=8",
    "train.epochs=3",
    "train.batch_size=32",
    "train.checkpoint_seconds=0",
)


class Silent:
    """A watcher that says nothing, and stops the training at one of its updates if told so."""

    def __init__(self, stop_at: int = 0) -> None:
        self.stop_at = stop_at

    def prepared(self, data, seconds):
        """Nothing."""

    def step(self, state, **others):
        """Stop as Ctrl-C would."""
        if state.step == self.stop_at:
            raise KeyboardInterrupt

    def epoch(self, state):
        """Nothing."""

    def finished(self, run):
        """Nothing."""


def table_of(facts) -> list[dict]:
    return pq.read_table(Path(facts["directory"]) / "predictions.parquet").to_pylist()


@pytest.fixture
def reviews(tmp_path, rows, write):
    """Arguments for a table of 30 reviews by ten authors."""
    authors = [{**row, "who": f"author {number // 3}"} for number, row in enumerate(rows)]
    path = write(tmp_path / "t.csv", authors)
    return ("table", f"data.path={path}", "data.text=review", "model=tfidf", "model.min_texts=1")


def test_every_row_is_predicted_once_by_a_model_that_did_not_see_it(cli, reviews, rows):
    result = cli("cv", *reviews, "--folds", 3, "--json")
    assert result.code == 0, result.err
    facts = result.json
    table = table_of(facts)
    assert [row["row"] for row in table] == list(range(30))
    assert [row["label"] for row in table] == [row["label"] for row in rows]
    columns = ["row", "label", "predicted", "p_bad", "p_good", "p_mixed", "fold"]
    assert list(table[0]) == columns
    assert len(facts["folds"]) == 3
    for fold in facts["folds"]:
        val = pq.read_table(Path(fold["run"]) / "predictions" / "val.parquet").to_pylist()
        inside = [row for row in table if row["fold"] == fold["fold"]]
        assert [{**row, "fold": fold["fold"]} for row in val] == inside
        assert fold["examples"] == len(val) == 10
        words = json.loads((Path(fold["run"]) / "model" / "vocabulary.json").read_text())
        train = {r["row"] for r in table} - {r["row"] for r in val}
        seen = {word for row in train for word in rows[row]["review"].split()}
        assert set(words[2:]) == seen


def test_the_figures_are_those_of_the_table(cli, reviews):
    facts = cli("cv", *reviews, "--folds", 4, "--json").json
    table = table_of(facts)
    truth, predicted = ([row[key] for row in table] for key in ("label", "predicted"))
    chosen = [row[f"p_{row['label']}"] for row in table]
    assert facts["examples"] == 30
    assert facts["accuracy"] == pytest.approx(accuracy_score(truth, predicted))
    assert facts["macro_f1"] == pytest.approx(f1_score(truth, predicted, average="macro"))
    assert facts["loss"] == pytest.approx(-np.log(chosen).mean())
    for name in ("accuracy", "macro_f1"):
        low, high = facts[f"{name}_interval"]
        assert low <= facts[name] <= high
    for name in ("accuracy", "macro_f1", "loss"):
        values = [fold[name] for fold in facts["folds"]]
        assert facts["spread"][name]["mean"] == pytest.approx(np.mean(values))
        assert facts["spread"][name]["deviation"] == pytest.approx(np.std(values, ddof=1))
    assert facts["last_epoch_accuracy"] is None
    saved = json.loads((Path(facts["directory"]) / "cv.json").read_text())
    assert saved == facts


def test_folds_are_stratified_and_another_seed_cuts_others(cli, reviews):
    tables = []
    for more in ((), ("--seed", 0), ("--seed", 1)):
        tables.append(table_of(cli("cv", *reviews, *more, "--folds", 5, "--json").json))
        for fold in range(1, 6):
            labels = [row["label"] for row in tables[-1] if row["fold"] == fold]
            assert sorted(labels) == sorted(["bad", "good", "mixed"] * 2)
    assert tables[0] == tables[1]
    assert [row["fold"] for row in tables[0]] != [row["fold"] for row in tables[2]]


def test_groups_stay_whole(cli, reviews):
    facts = cli("cv", *reviews, "data.group=who", "--folds", 3, "--json").json
    assert facts["groups"] == "who"
    folds = [row["fold"] for row in table_of(facts)]
    assert sorted(set(folds)) == [1, 2, 3]
    assert all(len(set(folds[3 * author : 3 * author + 3])) == 1 for author in range(10))
    bare = cli("cv", *reviews, "data.group=who", "data.validation.by=example", "--json").json
    assert bare["groups"] is None


def test_asked_again_it_trains_nothing_and_says_the_same(cli, reviews, monkeypatch):
    first = cli("cv", *reviews, "--folds", 3, "--json")
    before = {path: path.stat().st_mtime_ns for path in Path("runs").rglob("weights.safetensors")}
    assert len(before) == 3
    again = cli("cv", *reviews, "--folds", 3, "--json")
    assert again.out == first.out
    assert {path: path.stat().st_mtime_ns for path in before} == before
    fold = ("data.validation.fold.number=2", "data.validation.fold.of=3")
    one = cli("train", *reviews, *fold, "--json").json
    assert one["run"] == first.json["folds"][1]["run"]
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_stop_costs_nothing_that_was_done(tmp_path):
    config = load_config(NETWORK[0], NETWORK[1:])
    whole = cross_validate(
        config, folds=3, runs_root=tmp_path / "whole", make_watcher=lambda _: Silent()
    )
    titles: list[str] = []

    def stopping(title):
        titles.append(title)
        return Silent(stop_at=5 if len(titles) == 2 else 0)

    with pytest.raises(Interrupted, match="the same command again"):
        cross_validate(config, folds=3, runs_root=tmp_path / "cut", make_watcher=stopping)
    assert titles == ["fold 1 of 3", "fold 2 of 3"]
    first = next((tmp_path / "cut").rglob("weights.safetensors"))
    before = first.stat().st_mtime_ns
    goes_on = cross_validate(
        config, folds=3, runs_root=tmp_path / "cut", make_watcher=lambda _: Silent()
    )
    assert first.stat().st_mtime_ns == before
    assert goes_on.out_of_fold == whole.out_of_fold
    parts = [Path(r.directory) / "predictions.parquet" for r in (whole, goes_on)]
    assert parts[0].read_bytes() == parts[1].read_bytes()


def test_networks_tell_what_choosing_the_epoch_flatters(cli):
    facts = cli("cv", *NETWORK, "--folds", 3, "--json").json
    assert len(table_of(facts)) == 150  # train alone: its own validation part is left alone
    assert facts["last_epoch_accuracy"] <= facts["accuracy"]
    for fold in facts["folds"]:
        assert 0 <= fold["last_epoch_accuracy"] <= fold["accuracy"]
    shown = cli("cv", *NETWORK, "--folds", 3)
    assert "which flatters" in shown.out
    assert "no standard error" in shown.out.replace("\n", " ")
    assert max(map(len, shown.out.splitlines()[:-1])) <= 80


def test_interrupted_at_the_command_line(cli, reviews, monkeypatch):
    def stop(*arguments, **others):
        raise KeyboardInterrupt

    monkeypatch.setattr("rnnlab.series.train_run", stop)
    result = cli("cv", *reviews)
    assert result.code == 130
    assert result.err.splitlines()[-1] == "interrupted; go on with: the same command again"


def test_what_cannot_be_cut_is_refused_before_anything_is_trained(refused, tmp_path, reviews):
    cv = ("cv", *reviews)
    assert "30 examples cannot be cut into 31 folds" in refused(
        *cv, "--folds", 31, after_progress=True
    )
    grouped = (*cv, "data.group=who", "--folds", 11)
    assert "10 groups cannot be cut into 11 folds; take at most 10" in refused(
        *grouped, after_progress=True
    )
    fold = ("data.validation.fold.number=1", "data.validation.fold.of=3")
    assert "leave it out" in refused(*cv, *fold)
    path = tmp_path / "t.csv"
    path.write_text(path.read_text() + "r30,a singular film,rare,author 9\n")
    message = refused(*cv, "--folds", 3, after_progress=True)
    assert "t.csv, line 32: label 'rare' is in fold" in message
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("fold", "part"),
    [
        ("{number: 4, of: 3}", "data.validation.fold: there is no fold 4 of 3"),
        ("{number: 0, of: 3}", "data.validation.fold.number"),
        ("{number: 1, of: 1}", "data.validation.fold.of"),
        ("{number: 1}", "key 'data.validation.fold.of' is missing"),
        ("{nmber: 1}", "did you mean 'number'?"),
        ("3", "data.validation.fold: expected a section"),
    ],
)
def test_a_fold_that_makes_no_sense(refused, fold, part):
    assert part in refused("show", "compositional-nb", f"data.validation.fold={fold}")


def test_a_validation_part_of_the_data_set_itself_plays_no_part(
    cli, reviews, tmp_path, rows, write
):
    fold = ("data.validation.fold.number=1", "data.validation.fold.of=3")
    alone = cli("train", *reviews, *fold, "--json").json
    own = f"data.validation_path={write(tmp_path / 'v.csv', rows[:6])}"
    assert cli("train", *reviews, own, *fold, "--json").json["run"] == alone["run"]
    assert alone["val"]["examples"] == 10
    assert cli("train", *reviews, own, "--json").json["val"]["examples"] == 6


def test_the_fraction_of_a_cut_that_is_not_made_is_no_part_of_the_identity(cli, reviews):
    fold = ("data.validation.fold.number=1", "data.validation.fold.of=3")
    runs = {
        change: cli("train", *reviews, *fold, change, "--json").json["run"]
        for change in ("seed=0", "data.validation.fraction=0.3", "data.validation.seed=1")
    }
    assert runs["seed=0"] == runs["data.validation.fraction=0.3"] != runs["data.validation.seed=1"]


def test_the_spread_of_known_figures():
    spread = spread_of([0.8, 0.9, 1.0])
    assert (spread.mean, spread.deviation) == pytest.approx((0.9, 0.1))
