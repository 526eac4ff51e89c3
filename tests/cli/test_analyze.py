"""rnnlab analyze: one run, two runs, test, columns and patterns; what it writes; bad requests."""

from __future__ import annotations

import csv
import html.parser
import json
import shutil
from pathlib import Path
from typing import ClassVar

import pytest

MARKUP = "<script>alert(1)</script> & <img src=x onerror=alert(2)> \"quoted\" 'film'"


@pytest.fixture(scope="module")
def runs(session_cache, tmp_path_factory, tools):
    """A folder with two runs on one table that has a column of places and one of numbers."""
    folder = tmp_path_factory.mktemp("analyzed")
    rows = tools.rows(120, seed=11)
    for number, row in enumerate(rows):
        row["place"] = ("Lyon", "Oslo", "")[number % 3 if number % 2 else 0]
        row["age"] = str(number % 90) if number % 7 else ""
        if number % 10 == 0:
            row["review"] += f" {MARKUP}"
    table = tools.write(folder / "train.csv", rows)
    test = tools.write(folder / "test.csv", tools.rows(30, seed=2))
    paths = {}
    for name in ("nb", "majority"):
        done = tools.run(
            *("train", f"table-{name}", f"data.path={table}", f"data.test_path={test}"),
            *("data.text=review", "data.validation.fraction=0.5", "--runs", folder / "runs"),
            "--json",
        )
        assert done.code == 0, done.err
        paths[name] = Path(done.json["run"])
    return paths


@pytest.fixture(scope="module")
def analyzed(runs, tools):
    done = tools.run(
        *("analyze", runs["majority"], runs["nb"], "--slice", "film=(?i)film"),
        *("--column", "place", "--column", "age", "--bins", "5,9", "--json"),
    )
    assert done.code == 0, done.err
    return done.json


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_counts_add_up(analyzed):
    texts = analyzed["examples"]
    right = sum(analyzed["confusion"][n][n] for n in range(3))
    assert sum(map(sum, analyzed["confusion"])) == texts == 60
    assert analyzed["accuracy"] == pytest.approx(right / texts)
    assert sum(each["texts"] for each in analyzed["confusions"]) == texts - right
    other = analyzed["comparison"]
    counts = other["counts"]
    assert sum(counts.values()) == texts
    assert counts["both_right"] + counts["only_second_errs"] == right
    assert counts["both_right"] + counts["only_first_errs"] == round(other["accuracy"] * texts)
    for part, correct in ((analyzed, right), (other, round(other["accuracy"] * texts))):
        cuts = [part["lengths"], *part["bands"]]
        assert [cut["name"] for cut in cuts] == [
            *("length", "unknown words", "rare words", "place", "age")
        ]
        for cut in cuts:
            assert sum(band["texts"] for band in cut["bands"]) == texts
            assert sum(band["correct"] for band in cut["bands"]) == correct
        for each in part["slices"]:
            assert each["present"]["texts"] + each["absent"]["texts"] == texts
            assert each["present"]["correct"] + each["absent"]["correct"] == correct
    assert [band["label"] for band in analyzed["lengths"]["bands"]] == ["0-5", "5-9", "9+"]
    assert "film" in [each["name"] for each in analyzed["slices"]]
    assert {band["label"] for band in analyzed["bands"][2]["bands"]} == {"(empty)", "Lyon", "Oslo"}
    assert analyzed["bands"][3]["bands"][-1]["label"] == "none"
    for curve in (analyzed["calibration"], analyzed["calibration"]["temperature"]):
        assert sum(row["texts"] for row in curve["curve"]) == texts
        assert sum(row["correct"] for row in curve["curve"]) == right


def test_what_is_written(runs, analyzed):
    run = runs["majority"]
    assert json.loads((run / "analysis.json").read_text(encoding="utf-8")) == analyzed
    folder = run / "analysis"
    errors = read_csv(folder / "errors.csv")
    assert len(errors) == sum(each["texts"] for each in analyzed["confusions"])
    assert all(row["label"] != row["predicted"] for row in errors)
    pairs = read_csv(folder / "comparison.csv")
    counts = analyzed["comparison"]["counts"]
    assert len(pairs) == 60 - counts["both_right"]
    for case in ("both_err", "only_first_errs", "only_second_errs"):
        assert sum(row["case"] == case for row in pairs) == counts[case]
    assert len(read_csv(folder / "slices.csv")) == len(analyzed["slices"])
    assert len(read_csv(folder / "confusion.csv")) == 3


def test_the_page_is_whole_and_its_texts_are_text(runs, analyzed):
    page = (runs["majority"] / "analysis.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page

    class Outside(html.parser.HTMLParser):
        found: ClassVar[list[str]] = []

        def handle_starttag(self, tag, attributes):
            values = [value for name, value in attributes if name in ("src", "href")]
            self.found += [value for value in values if not value.startswith("data:")]

    reader = Outside()
    reader.feed(page)
    assert reader.found == []


def test_examples_are_errors_with_their_places(runs, analyzed):
    assert analyzed["errors"]
    table = (runs["majority"].parent.parent / "train.csv").read_text(encoding="utf-8").splitlines()
    for each in analyzed["errors"]:
        assert each["predicted"] != each["label"]
        line = int(each["where"].rpartition(" ")[2])
        assert each["label"] in table[line - 1]
    sureness = [each["probability"] for each in analyzed["errors"]]
    assert sureness == sorted(sureness, reverse=True)
    for each in analyzed["comparison"]["examples"]["only_first_errs"]:
        assert each["other_predicted"] == each["label"]


def test_the_terminal(cli, runs, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    done = cli("analyze", runs["nb"])
    assert done.code == 0, done.err
    assert max(map(len, done.out.splitlines()[:-1])) <= 80
    for word in ("precision", "length", "unknown words", "negation", "ECE", "confident errors"):
        assert word in done.out
    assert (runs["nb"] / "analysis.html").is_file()
    assert not (runs["nb"] / "analysis" / "comparison.csv").exists()


def test_each_use_of_test_is_counted(cli, runs):
    ledger = runs["nb"].parent / "test-ledger.jsonl"
    before = len(ledger.read_text().splitlines()) if ledger.exists() else 0
    for _ in range(2):
        facts = cli("analyze", runs["nb"], "--split", "test", "--json").json
    assert facts["split"] == "test"
    assert facts["examples"] == 30
    assert facts["calibration"]["temperature"]["fitted_on"] == "val"
    assert facts["calibration"]["temperature"]["texts"] == 60
    assert not facts["calibration"]["temperature"]["crosswise"]
    assert len(ledger.read_text().splitlines()) == before + 2


def test_validation_needs_no_entry(cli, runs):
    ledger = runs["nb"].parent / "test-ledger.jsonl"
    before = ledger.read_text() if ledger.exists() else ""
    assert cli("analyze", runs["nb"], "--json").json["split"] == "val"
    assert (ledger.read_text() if ledger.exists() else "") == before


def test_bad_requests(cli, refused, runs, finished, tmp_path):
    nb = runs["nb"]
    assert "other texts" in refused("analyze", nb, finished.run)
    assert "no such run" in refused("analyze", tmp_path / "none")
    assert "no split 'tset'" in refused("analyze", nb, "--split", "tset")
    assert "--slice a: not a regular" in refused("analyze", nb, "--slice", "a=(")
    assert "--bins" in refused("analyze", nb, "--bins", "9,5")
    assert "did you mean 'place'" in refused("analyze", nb, "--column", "palce")
    assert "different values" in refused("analyze", nb, "--column", "review")
    empty = tmp_path / "run"
    shutil.copytree(nb, empty)
    shutil.rmtree(empty / "model")
    assert "no trained model here" in refused("analyze", empty)


def test_an_ensemble(cli, runs, tmp_path):
    made = cli("ensemble", runs["nb"], runs["majority"], "--out", tmp_path / "both", "--json")
    assert made.code == 0, made.err
    facts = cli("analyze", tmp_path / "both", runs["nb"], "--json").json
    assert sum(facts["comparison"]["counts"].values()) == 60
