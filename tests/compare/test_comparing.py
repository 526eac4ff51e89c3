"""Studies and runs compared from their directories: verdicts, costs, budgets, and bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from rnnlab.compare.arms import open_collection
from rnnlab.compare.budget import parse_budget
from rnnlab.compare.comparing import compare
from rnnlab.compare.pareto import pareto_front
from rnnlab.compare.results import read_results
from rnnlab.exceptions import UserError
from rnnlab.files import read_json, write_json, write_text
from rnnlab.predictions import PredictedRows

from ..synthetic import (
    answers,
    done,
    level,
    write_length_study,
    write_run,
    write_stream_run,
    write_study,
)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_length_study(tmp_path_factory.mktemp("study") / "small", size=1500)


def runs_of(folder, accuracies, *, seeds=3, size=1500, **more):
    """Runs of configurations c0, c1, ... of these accuracies."""
    return [
        [
            write_run(
                folder / f"c{number}-s{seed}",
                answers(size, accuracy, 100 * number + seed),
                seed=seed,
                settings={"number": number},
                name=f"c{number}",
                **more,
            )
            for seed in range(seeds)
        ]
        for number, accuracy in enumerate(accuracies)
    ]


def flat(nested):
    return [item for part in nested for item in part]


def test_a_study_is_compared_with_its_base(study):
    (group,) = compare(open_collection([study])).groups
    assert (group.reference, group.by, group.examples) == ("100", "base", 1500)
    short, base, long_ = group.levels
    assert base.is_reference
    assert base.difference is None
    assert short.difference.verdict == "worse"
    assert long_.difference.verdict == "better"
    assert short.seeds == [0, 1]
    assert short.unfinished == [
        {"seed": 2, "status": "diverged", "reason": "gradient is not finite at step 7"}
    ]
    figures = [read_json(study / "runs" / f"L200-s{s}" / "run.json")["val"] for s in range(3)]
    assert long_.figures == pytest.approx([item["accuracy"] for item in figures])
    assert long_.mean == pytest.approx(np.mean(long_.figures))
    assert long_.seed_deviation == pytest.approx(np.std(long_.figures, ddof=1))
    assert long_.difference.value == pytest.approx(long_.mean - base.mean)
    assert long_.difference.tests == 2
    assert long_.difference.scope == "configurations"
    assert long_.difference.statement.startswith("200 is better than 100: +1")


def test_by_macro_f1_too(study):
    found = compare(open_collection([study]), metric="macro_f1")
    figures = [read_json(study / "runs" / f"L200-s{s}" / "run.json")["val"] for s in range(3)]
    assert found.groups[0].levels[2].figures == pytest.approx([m["macro_f1"] for m in figures])


def test_against_the_best_all_pairs_count(study):
    (group,) = compare(open_collection([study]), to="best").groups
    assert (group.reference, group.by) == ("200", "best")
    assert {item.difference.tests for item in group.levels if item.difference} == {3}
    assert [item.difference.verdict for item in group.levels[:2]] == ["worse", "worse"]


def test_equal_configurations_cannot_be_told_apart(tmp_path):
    nested = runs_of(tmp_path, [0.8, 0.8])
    _, second = compare(open_collection(flat(nested))).groups[0].levels
    assert second.difference.verdict == "cannot tell"
    assert "could not be seen" in second.difference.statement
    assert second.difference.test == "Welch t over seeds and examples"


def test_one_seed_concerns_these_models_only(tmp_path):
    nested = runs_of(tmp_path, [0.7, 0.9], seeds=1)
    _, second = compare(open_collection(flat(nested))).groups[0].levels
    assert second.difference.scope == "models"
    assert second.difference.verdict == "better"
    assert second.difference.test == "McNemar (chi squared, continuity-corrected)"
    assert "these trained models only" in second.difference.statement
    assert second.difference.seed_error is None
    few = runs_of(tmp_path / "few", [0.8, 0.9], seeds=1, size=40)
    _, second = compare(open_collection(flat(few))).groups[0].levels
    assert second.difference.test == "McNemar (exact)"
    by_f1 = compare(open_collection(flat(nested)), metric="macro_f1").groups[0].levels[1]
    assert by_f1.difference.test == "paired over examples"


def test_linear_models_need_one_run(tmp_path):
    fixed = {"settings": {"model": "nb"}, "data": "d" * 64, "versions": {}}
    run = write_run(
        tmp_path / "nb", answers(1500, 0.7, 1), name="nb", facts={"identity": fixed, "hash": "f"}
    )
    networks = flat(runs_of(tmp_path, [0.9]))
    _, second = compare(open_collection([run, *networks])).groups[0].levels
    assert second.difference.scope == "configurations"
    assert second.difference.verdict == "better"


def test_language_models_are_compared_by_loss_over_seeds(tmp_path):
    paths = [
        write_stream_run(tmp_path / f"{name}-{seed}", loss + seed / 500, seed=seed, name=name)
        for name, loss in (("lstm", 4.7), ("gru", 4.5))
        for seed in range(3)
    ]
    found = compare(open_collection(paths))
    first, second = found.groups[0].levels
    assert found.metric == "perplexity"
    assert first.mean == pytest.approx(4.702)
    assert second.difference.value == pytest.approx(-0.2)
    assert second.difference.verdict == "better"  # less is
    assert second.difference.test == "Welch t"
    assert second.difference.example_error is None
    single = compare(open_collection(paths[::3])).groups[0].levels[1].difference
    assert single.verdict == "cannot tell"
    assert single.p is None
    with pytest.raises(UserError, match="is a language model: it has no accuracy"):
        compare(open_collection(paths), metric="accuracy")


def test_a_budget_names_the_best_within_it(study):
    def choice(text):
        return compare(open_collection([study]), limits=parse_budget(text)).budget

    wide = choice("train_seconds<=600 latency_ms<=5")
    assert wide.chosen == "200"
    assert "No configuration outside" in wide.reason
    none = choice("latency_ms<1")
    assert none.chosen is None
    assert set(none.excluded) == {"50", "100", "200"}
    assert choice("texts_per_second>=700, parameters<2e5").chosen == "200"
    # the short level has seeds 0 and 1 alone, and a lower mean latency
    short = choice("latency_ms<=4.06")
    assert short.chosen == "50"
    assert "The best of all, 200" in short.reason
    unknown = choice("tokens_per_second>=1")
    assert unknown.excluded["50"] == "tokens_per_second was not recorded"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("latency<=5", "unknown key 'latency'; did you mean 'latency_ms'?"),
        ("train_seconds<=ten", "'ten' is not a number"),
        ("train_seconds", "'train_seconds' is no limit; write KEY<=NUMBER"),
        ("train_seconds==5", "'=5' is not a number|no limit"),
        ("latency_ms<=nan", "is no bound"),
        ("  ", "no limit in it"),
    ],
)
def test_a_bad_budget(text, message):
    with pytest.raises(UserError, match=message):
        parse_budget(text)


def test_the_front_has_what_nothing_beats():
    quality, cost = [0.8, 0.9, 0.7, 0.9, 0.85], [1, 5, 2, 6, 5]
    assert pareto_front(quality, cost) == [True, True, False, False, False]
    assert pareto_front([0.5, 0.5], [1, 1]) == [True, True]  # equal ones do not beat each other


def test_other_validation_rows_are_refused(tmp_path):
    first, second = flat(runs_of(tmp_path, [0.8, 0.9], seeds=1))
    part = answers(1500, 0.9, 7)
    PredictedRows(part.rows + 1, part.labels, part.probabilities, part.names).write(
        second / "predictions" / "val.parquet"
    )
    with pytest.raises(UserError, match="validate on different rows"):
        compare(open_collection([first, second]))


def test_in_a_study_only_the_level_with_other_rows_is_left_out(tmp_path):
    study = write_length_study(tmp_path)
    for seed in range(3):
        part = answers(400, 0.9, seed)
        PredictedRows(part.rows + 1, part.labels, part.probabilities, part.names).write(
            study / "runs" / f"L200-s{seed}" / "predictions" / "val.parquet"
        )
    levels = compare(open_collection([study])).groups[0].levels
    assert levels[2].difference is None
    assert "different rows" in levels[2].reason
    assert levels[0].difference is not None


def test_levels_without_a_run_stay_in_the_table(tmp_path):
    failed = {"seed": 0, "run": None, "status": "failed", "reason": "out of memory"}
    write_run(tmp_path / "runs" / "a", answers(100, 0.8, 1))
    levels = [level("a", [done(0, "a")], is_base=True), level("b", [failed])]
    levels.append(level("c", [done(0, "gone")]))
    group = {"name": "g", "title": "", "factor": None, "numeric": False, "levels": levels}
    found = compare(open_collection([write_study(tmp_path, [group])])).groups[0]
    assert [item.reason for item in found.levels] == [None, "no finished run", "no finished run"]
    assert found.levels[2].unfinished[0]["reason"] == "its directory is gone"


def test_bad_input(tmp_path, study):
    run = study / "runs" / "L50-s0"
    cases = {
        (tmp_path,): "no study here",
        (run,): "is one run; name another",
        (run, run): "is named twice",
        (run, study / "runs" / "L50-s1"): "differ in the seed only",
        (run, study): "is a study; it is compared alone",
        (run, tmp_path / "none"): "no such run directory",
    }
    for paths, message in cases.items():
        with pytest.raises(UserError, match=message):
            open_collection(paths)
    for text, message in (("{", "damaged"), ('{"study": 3}', "damaged at study")):
        write_text(tmp_path / "results.json", text)
        with pytest.raises(UserError, match=message):
            read_results(tmp_path)
    (tmp_path / "results.json").unlink()
    with pytest.raises(UserError, match="no results of a study"):
        read_results(tmp_path)


def test_an_unfinished_run_and_missing_predictions(tmp_path):
    first, second = flat(runs_of(tmp_path, [0.8, 0.9], seeds=1))
    (second / "predictions" / "val.parquet").unlink()
    with pytest.raises(UserError, match="no predictions here; `rnnlab evaluate RUN`"):
        compare(open_collection([first, second]))
    write_json(second / "run.json", {**read_json(second / "run.json"), "status": "interrupted"})
    with pytest.raises(UserError, match=r"is not finished \(interrupted\)"):
        open_collection([first, second])


def test_runs_of_one_name_are_told_apart_by_their_settings(tmp_path):
    paths = [
        write_run(tmp_path / f"h{hidden}", answers(200, 0.8, hidden), settings={"hidden": hidden})
        for hidden in (64, 128)
    ]
    levels = compare(open_collection(paths)).groups[0].levels
    assert [item.label for item in levels] == ["imdb-lstm hidden=64", "imdb-lstm hidden=128"]


def test_comparing_and_reporting_never_import_torch(study):
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from rnnlab.compare.arms import open_collection\n"
        "from rnnlab.compare.comparing import compare\n"
        "compare(open_collection([Path(sys.argv[1])])).to_dict()\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script, str(study)], check=True)


def test_values_are_json(study):
    found = compare(open_collection([study]), limits=parse_budget("latency_ms<=5"))
    text = json.dumps(found.to_dict(), allow_nan=False)
    assert json.loads(text)["budget"]["chosen"] == "200"


def with_groups(path, groups):
    """Give a run's predictions the groups of its examples."""
    labels = tuple(read_json(path / "run.json")["data"]["labels"])
    file = path / "predictions" / "val.parquet"
    replace(PredictedRows.read(file, labels), groups=groups).write(file)


def test_whole_groups_are_resampled_where_all_runs_know_them(tmp_path):
    nested = runs_of(tmp_path, [0.8, 0.84], size=900)
    single = compare(open_collection(flat(nested))).groups[0]
    assert (single.examples, single.groups) == (900, None)
    numbers = np.repeat(np.arange(90), 10)
    for path in flat(nested)[1:]:
        with_groups(path, numbers)
    assert compare(open_collection(flat(nested))).groups[0] == single  # one does not know them
    with_groups(nested[0][0], numbers)
    found = compare(open_collection(flat(nested))).groups[0]
    assert (found.examples, found.groups) == (900, 90)
    after, before = found.levels[1].difference, single.levels[1].difference
    assert after.value == pytest.approx(before.value)
    assert after.test == "Welch t over seeds and groups"
    assert after.seed_error == pytest.approx(before.seed_error)
    assert after.example_error != pytest.approx(before.example_error, rel=1e-3)
    pair = compare(open_collection([nested[0][0], nested[1][0]])).groups[0].levels[1]
    assert pair.difference.test == "paired over groups"
    assert pair.difference.mcnemar is None
    assert "these trained models only" in pair.difference.statement


def test_a_comparison_says_how_its_study_departs_from_its_file(tmp_path):
    study = write_length_study(tmp_path)
    assert compare(open_collection([study])).departures == []
    changed = {"overrides": {"train.epochs": 1}, "only": None, "limit": 500}
    write_json(study / "results.json", {**read_json(study / "results.json"), "changed": changed})
    assert compare(open_collection([study])).departures == [
        "train.epochs=1",
        "at most about 500 training texts",
    ]
