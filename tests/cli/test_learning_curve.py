"""rnnlab learning-curve: nested parts, one validation part, and a plain answer."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from rnnlab import compose
from rnnlab.config.load import load_config
from rnnlab.learning_curve import judge
from rnnlab.power_law import Estimate, Laws, draw_laws

SMALL = (
    "compositional-nb",
    "data.train_size=400",
    "data.val_size=200",
    "data.test_size=20",
)
SIZES = ("--sizes", "0.1,0.3,1", "--seeds", 2)


def test_every_size_is_a_run_of_its_own_on_the_same_validation(cli):
    facts = cli("learning-curve", *SMALL, *SIZES, "--json").json
    assert [size["fraction"] for size in facts["sizes"]] == [0.1, 0.3, 1]
    assert [size["examples"] for size in facts["sizes"]] == [40, 120, 400]
    # at size 1 nothing about a model without a seed is left to chance
    assert [size["runs"] for size in facts["sizes"]] == [2, 2, 1]
    assert facts["sizes"][2]["accuracy_deviation"] is None
    assert facts["validation_examples"] == 200
    for size in facts["sizes"]:
        runs = [run for run in facts["runs"] if run["fraction"] == size["fraction"]]
        assert size["accuracy"] == pytest.approx(np.mean([run["accuracy"] for run in runs]))
        assert size["loss"] == pytest.approx(np.mean([run["loss"] for run in runs]))
    full = cli("train", *SMALL, "--json").json
    assert facts["runs"][-1]["run"] == full["run"]
    assert facts["runs"][-1]["accuracy"] == full["val"]["accuracy"]
    with Path(facts["csv"]).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["accuracy"]) for row in rows] == [run["accuracy"] for run in facts["runs"]]
    assert Path(facts["plot"]).read_bytes().startswith(b"\x89PNG")
    assert json.loads((Path(facts["directory"]) / "curve.json").read_text()) == facts


def test_asked_again_and_with_more_sizes_it_runs_only_what_is_missing(cli):
    first = cli("learning-curve", *SMALL, *SIZES, "--json")
    before = {path: path.stat().st_mtime_ns for path in Path("runs").rglob("weights.safetensors")}
    assert len(before) == 5
    assert cli("learning-curve", *SMALL, *SIZES, "--json").out == first.out
    more = cli("learning-curve", *SMALL, "--sizes", "0.1,0.3,0.5,1", "--seeds", 3, "--json").json
    assert len(more["runs"]) == 10
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(list(Path("runs").rglob("weights.safetensors"))) == 10


def test_a_smaller_part_lies_in_a_larger_and_outside_validation(tmp_path, rows, write):
    grouped = [{**row, "who": f"author {number // 2}"} for number, row in enumerate(rows)]
    path = write(tmp_path / "t.csv", grouped)
    table = [f"data.path={path}", "data.text=review", "data.group=who"]
    inner: set[int] = set()
    val = set(compose.dataset_of(load_config("table", table)).rows("val").tolist())
    for fraction in (0.2, 0.5, 0.8):
        config = load_config("table", [*table, f"data.subset.fraction={fraction}"])
        dataset = compose.dataset_of(config)
        part = set(dataset.rows("train").tolist())
        assert inner < part
        assert set(dataset.rows("val").tolist()) == val
        assert not part & val
        assert all(row ^ 1 in part for row in part)
        inner = part
        prepared = compose.prepare(config, dataset)
        words = {word for row in part for word in rows[row]["review"].split()}
        assert set(prepared.reader.vocabulary.words[2:]) == words


def test_parts_by_whole_groups_differ_in_size_and_still_make_a_curve(cli, tmp_path, write):
    chance = np.random.default_rng(1)
    sizes = chance.integers(1, 9, 60)
    rows = [
        {"text": f"{word} {chance.integers(9)}", "label": word, "who": f"author {author}"}
        for author, size in enumerate(sizes)
        for word in chance.choice(["good", "bad"], size)
    ]
    path = write(tmp_path / "t.csv", rows)
    table = ("table", f"data.path={path}", "data.group=who", "model=majority")
    facts = cli("learning-curve", *table, "--sizes", "0.2,0.5,1", "--json").json
    assert len({run["examples"] for run in facts["runs"] if run["fraction"] == 0.2}) > 1
    assert facts["verdict"]["points"] is not None


def test_networks_have_a_run_for_every_seed(cli):
    network = (
        "compositional-mean",
        *SMALL[1:],
        "threads=1",
        "model.embedding.dim=4",
        "train.epochs=1",
        "seed=3",
    )
    facts = cli("learning-curve", *network, *SIZES, "--json").json
    assert [run["seed"] for run in facts["runs"]] == [3, 4] * 3
    assert len({run["run"] for run in facts["runs"]}) == 6


def test_for_people(cli):
    result = cli("learning-curve", *SMALL, *SIZES)
    assert result.code == 0
    assert "more data would help" in " ".join(result.out.lower().split())
    assert "-- 10 % of the data, seed 1" in result.err
    assert max(map(len, result.out.splitlines()[:-1])) <= 80


@pytest.mark.parametrize(
    ("gain", "answer", "words"),
    [
        ((0.018, 0.009, 0.026), "more", "about 1.8 points for twice the 8,000 texts (95 %: 0.9 to"),
        ((0.002, -0.001, 0.004), "little", "little: about 0.2 points"),
        (
            (-0.0001, -0.002, 0.0003),
            "little",
            "about 0.0 points for twice the 8,000 texts (95 %: -0.2 ",
        ),
        ((0.004, 0.001, 0.009), "little", "little: about 0.4 points"),
        ((0.018, -0.010, 0.05), "unknown", "runs disagree"),
        ((0.001, -0.010, 0.02), "unknown", "runs disagree"),
    ],
)
def test_the_answer(monkeypatch, gain, answer, words):
    monkeypatch.setattr(Laws, "gain", lambda self: Estimate(*gain))
    verdict = judge(draw_laws(np.repeat([1.0, 2, 4], 2), np.ones(6), resolution=0.1), 8000)
    assert verdict.answer == answer
    assert words in verdict.statement


def test_one_run_of_each_size_cannot_tell(cli):
    facts = cli("learning-curve", *SMALL, "--sizes", "0.1,0.3,1", "--seeds", 1, "--json").json
    assert facts["verdict"]["answer"] == "unknown"
    assert facts["verdict"]["points"] is None
    assert "use --seeds 3" in facts["verdict"]["statement"]


@pytest.mark.parametrize(
    ("law", "noise", "answer"),
    [
        ((0.05, 3.0, 0.4), 0.01, "more"),
        ((0.10, 50.0, 1.0), 0.005, "little"),
        ((0.30, 0.0, 1.0), 0.05, "unknown"),
    ],
)
def test_the_answer_to_known_laws(law, noise, answer):
    a, b, c = law
    sizes = np.repeat([800.0, 1600.0, 4000.0, 8000.0], 3)
    scatter = 1 + np.random.default_rng(0).normal(0, noise, len(sizes))
    laws = draw_laws(sizes, (a + b * sizes**-c) * scatter, resolution=1e-4)
    assert judge(laws, 8000).answer == answer


def test_errors_that_follow_no_such_law_tell_nothing():
    """A network that learns nothing from small parts, and then all at once."""
    sizes = np.repeat([800.0, 1600.0, 4000.0, 8000.0], 3)
    errors = np.repeat([0.5, 0.5, 0.49, 0.2], 3)
    errors += np.random.default_rng(0).normal(0, 0.005, len(sizes))
    verdict = judge(draw_laws(sizes, errors, resolution=1e-3), 8000)
    assert verdict.answer == "unknown"
    assert verdict.points is None
    assert "does not fall as a + b n^-c does" in verdict.statement


def test_sizes_that_make_no_curve(refused):
    curve = ("learning-curve", *SMALL)
    assert "not numbers with commas" in refused(*curve, "--sizes", "0.1;0.5")
    assert "three different sizes" in refused(*curve, "--sizes", "0.1,0.1,1")
    for size in ("0", "-0.1", "1.5", "nan"):
        assert "is not a share" in refused(*curve, "--sizes", f"0.1,0.5,{size}")
    assert "leave it out" in refused(*curve, "data.subset.fraction=0.5")


def test_a_part_without_a_label_is_refused(refused, tmp_path):
    rows = ["text,label,who"]
    rows += [f"text {n},{'rare' if n == 0 else 'often'},{n % 20}" for n in range(140)]
    (tmp_path / "t.csv").write_text("\n".join(rows) + "\n")
    paths = ("data.path=t.csv", "data.validation_path=t.csv")
    table = ("table", *paths, "data.group=who", "model=majority", "data.subset.seed=1")
    message = refused("train", *table, "data.subset.fraction=0.05", after_progress=True)
    assert "no training example has the label" in message
    assert "raise data.subset.fraction" in message


@pytest.mark.parametrize("subset", ["{fraction: 1}", "{fraction: 0}", "{seed: 1}", "0.5"])
def test_a_part_that_makes_no_sense(refused, subset):
    assert "data.subset" in refused("show", "compositional-nb", f"data.subset={subset}")
