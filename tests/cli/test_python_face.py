"""The Python face beside the command line: the same probabilities, and a run as an object."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rnnlab import Run, TextClassifier
from rnnlab.display import Table
from rnnlab.exceptions import UserError

TINY_PARAMETERS = {
    **{"embedding_dim": 8, "hidden": 8, "dropout": 0, "max_tokens": 40, "epochs": 8},
    **{"batch_size": 16, "lr": 0.05, "threads": 1, "random_state": 0},
    "overrides": {
        "model.embedding.dropout": 0,
        "model.embedding.std": 1,
        "train.schedule": "constant",
    },
}
NEW = ["a great film", "dull", "", "uneven and never seen"]


def read(path: Path) -> tuple[list[str], list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["review"] for row in rows], [row["label"] for row in rows]


@pytest.fixture
def without_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)


def rows_of(table) -> list[dict]:
    return table if isinstance(table, Table) else table.to_dict("records")


def test_the_command_line_and_the_classifier_give_the_same_bits(finished):
    texts, labels = read(finished.table)
    fitted = TextClassifier("bilstm", **TINY_PARAMETERS).fit(texts, labels)
    run = Run.load(finished.run)
    assert fitted.classes_.tolist() == list(run.labels)
    np.testing.assert_array_equal(fitted.predict_proba(texts), run.predict_proba(texts))
    np.testing.assert_array_equal(fitted.predict_proba(NEW), run.predict_proba(NEW))
    assert fitted.history_ == rows_of(run.epochs)
    assert fitted.best_epoch_ == run.facts["best_epoch"]


@pytest.mark.parametrize("model", ["nb", "tfidf"])
def test_so_do_linear_models_with_the_same_cut(cli, finished, tmp_path, model):
    texts, labels = read(finished.table)
    arguments = (f"data.path={finished.table}", "data.text=review", "--out", tmp_path / "run")
    assert cli("train", f"table-{model}", *arguments).code == 0
    run = Run(tmp_path / "run")
    fitted = TextClassifier(model, validation_fraction=0.2).fit(texts, labels)
    np.testing.assert_array_equal(fitted.predict_proba(NEW), run.predict_proba(NEW))
    assert fitted.top_words(4) == run.top_words(4)
    whole = TextClassifier(model).fit(texts, labels)
    assert (whole.predict_proba(NEW) != run.predict_proba(NEW)).any()


def test_a_saved_classifier_is_a_model_for_predict(cli, finished, tmp_path):
    texts, labels = read(finished.table)
    fitted = TextClassifier("nb").fit(texts, labels)
    fitted.save(tmp_path / "saved")
    found = cli("predict", tmp_path / "saved", NEW[0], "--json").json["predictions"][0]
    assert found["label"] == fitted.predict(NEW[:1])[0]
    assert list(found["probabilities"].values()) == fitted.predict_proba(NEW[:1])[0].tolist()


def test_a_run_as_an_object(cli, finished):
    run = Run.load(str(finished.run))
    assert run.path == finished.run
    assert run.config["model"]["encoder"]["hidden"] == 8
    assert run.facts == json.loads((finished.run / "run.json").read_text())
    assert run.labels == ("bad", "good", "mixed")
    assert run.metrics["val"]["accuracy"] == run.facts["val"]["accuracy"]
    assert [row["epoch"] for row in rows_of(run.epochs)] == list(range(1, 9))
    assert {"seconds", "tokens_per_second"} <= rows_of(run.timings)[0].keys()
    assert run.predict(NEW[:2]).tolist() == ["good", "bad"]
    shown = cli("predict", finished.run, *NEW, "--json").json["predictions"]
    expected = [list(item["probabilities"].values()) for item in shown]
    np.testing.assert_array_equal(run.predict_proba(NEW), np.array(expected, np.float32))
    for wrong in ("a single text", []):
        with pytest.raises(ValueError, match="expected"):
            run.predict(wrong)


def test_predictions_with_their_texts(finished):
    texts, labels = read(finished.table)
    rows = rows_of(Run(finished.run).predictions("val", texts=True))
    assert list(rows[0]) == ["row", "label", "predicted", "p_bad", "p_good", "p_mixed", "text"]
    assert len(rows) == 18
    for row in rows:
        assert (row["text"], row["label"]) == (texts[row["row"]], labels[row["row"]])
    assert "text" not in rows_of(Run(finished.run).predictions())[0]


def test_tables_with_and_without_pandas(finished, monkeypatch):
    pandas = pytest.importorskip("pandas")
    run = Run(finished.run)
    with_pandas = [run.epochs, run.timings, run.predictions(), Run.list(finished.run.parent)]
    assert all(isinstance(table, pandas.DataFrame) for table in with_pandas)
    monkeypatch.setitem(sys.modules, "pandas", None)
    without = [run.epochs, run.timings, run.predictions(), Run.list(finished.run.parent)]
    for left, right in zip(with_pandas, without, strict=True):
        assert isinstance(right, Table)
        assert list(left.columns) == list(right[0])
        assert left.astype(object).where(left.notna(), None).to_dict("records") == right


@pytest.mark.parametrize("pandas", [True, False])
def test_a_folder_without_runs_and_a_run_without_epochs(
    cli, finished, tmp_path, monkeypatch, pandas
):
    if pandas:
        pytest.importorskip("pandas")
    else:
        monkeypatch.setitem(sys.modules, "pandas", None)
    assert len(Run.list(tmp_path / "nowhere")) == 0
    arguments = (f"data.path={finished.table}", "data.text=review", "--out", tmp_path / "run")
    assert cli("train", "table-majority", *arguments).code == 0
    run = Run(tmp_path / "run")
    assert len(run.epochs) == len(run.timings) == 0
    with pytest.raises(UserError, match="no epochs to draw"):
        run.plot()
    with pytest.raises(UserError, match="no weight per word"):
        run.top_words()


def test_the_test_ledger_counts(cli, write, rows, tiny, tmp_path):
    write(tmp_path / "train.csv", rows)
    write(tmp_path / "test.csv", rows[:9])
    tables = ("data.path=train.csv", "data.test_path=test.csv", "train.epochs=1")
    assert cli("train", "table", *tiny, *tables, "--out", "runs/r").code == 0
    run = Run("runs/r")
    with pytest.raises(UserError, match=r"run.evaluate\('test'\) makes them"):
        run.predictions("test")
    assert set(run.metrics) == {"val"}
    result = run.evaluate("test")
    assert result["examples"] == 9
    assert run.metrics["test"]["accuracy"] == result["accuracy"]
    assert len(Path("runs/test-ledger.jsonl").read_text().splitlines()) == 1
    assert [row["text"] for row in rows_of(run.predictions("test", texts=True))] == [
        row["review"] for row in rows[:9]
    ]
    write(tmp_path / "test.csv", rows[:8])
    with pytest.raises(UserError, match="'test' has changed since"):
        run.predictions("test", texts=True)
    write(tmp_path / "train.csv", rows[1:])
    with pytest.raises(UserError, match="data has changed since it was trained"):
        run.predictions("val", texts=True)


def test_what_is_no_run_or_not_a_finished_one(finished, tmp_path):
    with pytest.raises(UserError, match="no such run"):
        Run(tmp_path / "absent")
    (tmp_path / "config.yaml").write_text("seed: 1\n")
    facts = {"status": "interrupted", "identity": {}, "hash": "x"}
    (tmp_path / "run.json").write_text(json.dumps(facts))
    run = Run(tmp_path)
    assert "interrupted" in repr(run)
    assert "interrupted" in run._repr_html_()
    assert run.metrics == {}
    for use in (lambda: run.labels, lambda: run.predict(["x"])):
        with pytest.raises(UserError, match="rnnlab train --resume"):
            use()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("epochs.csv", b"epoch,step\n1,many\n"),
        ("epochs.csv", b"epoch,step\n1\n"),
        ("timings.csv", b"\xff"),
        ("evaluations.jsonl", b'{"split": "val"}\n{"spl'),
        ("evaluations.jsonl", b'{"accuracy": 1}\n'),
        ("config.yaml", b"\xff"),
        ("config.yaml", b"seed: [1\n"),
        ("run.json", b"{"),
    ],
)
def test_a_damaged_file_is_named(finished, tmp_path, name, content):
    shutil.copytree(finished.run, tmp_path / "run")
    (tmp_path / "run" / name).write_bytes(content)
    run = Run(tmp_path / "run")
    with pytest.raises(UserError) as refused:
        _ = run.epochs, run.timings, run.metrics, run.config, run.facts
    assert str(refused.value).startswith(str(tmp_path / "run" / name))
    assert ("damaged" in repr(run)) == (name in ("evaluations.jsonl", "run.json"))


def test_the_curves_show_themselves_in_a_notebook(finished):
    figure = Run(finished.run).plot()
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss, nats a text", "accuracy"]
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_what_a_notebook_shows_is_never_markup(tmp_path, without_pandas):
    evil = "<script>alert(1)</script>"
    folder = tmp_path / "runs" / "a&b<i>"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("seed: 1\n")
    facts = {
        **{"status": "completed", "identity": {}, "hash": "x", "name": evil, "seconds": 1.5},
        "data": {"labels": [evil, "b" * 200]},
    }
    (folder / "run.json").write_text(json.dumps(facts))
    run = Run(folder)
    for html in (run._repr_html_(), Run.list(tmp_path / "runs")._repr_html_()):
        assert "<script>" not in html
        assert "<i>" not in html
        assert "&lt;script&gt;" in html
        assert "a&amp;b&lt;i&gt;" in html
    for text in (repr(run), repr(Run.list(tmp_path / "runs"))):
        assert all(len(line) <= 80 for line in text.splitlines())
    assert repr(run).startswith("<Run a&b<i>: status completed")


def test_a_run_and_its_tables_fit_in_80_columns(finished, without_pandas):
    run = Run(finished.run)
    assert repr(run).startswith(f"<Run {finished.run.name}: status completed, val accuracy ")
    for table in (run, run.epochs, run.timings, run.predictions(texts=True)):
        lines = repr(table).splitlines()
        assert max(map(len, lines)) <= 80
        assert "<" not in table._repr_html_().replace("<t", "").replace("</t", "")
    assert len(run.epochs[:3]) == 3


def test_nothing_heavy_is_imported_before_it_is_needed(finished):
    script = f"""
import sys
def loaded(*names):
    return sorted({{name.partition(".")[0] for name in sys.modules}} & set(names))
import rnnlab
assert not loaded("torch", "sklearn", "numpy", "pandas", "scipy", "pydantic"), loaded("numpy")
assert {{"Run", "TextClassifier"}} <= set(dir(rnnlab))
run = rnnlab.Run.load({str(finished.run)!r})
run.config, run.facts, run.metrics, run.labels, run.epochs, repr(run), run._repr_html_()
rnnlab.Run.list("."), run.predictions()
assert not loaded("torch", "sklearn"), loaded("torch", "sklearn")
from rnnlab import TextClassifier
TextClassifier("gru", hidden=3).get_params()
assert not loaded("torch")
try:
    rnnlab.TextClasifier
except AttributeError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout == "module 'rnnlab' has no attribute 'TextClasifier'\n"


def test_the_words_of_a_run(cli, write, tmp_path):
    labels = ["[red]a", "b", "c", "d"]
    rows = [{"text": f"w{i % 4} the", "label": labels[i % 4]} for i in range(40)]
    write(tmp_path / "t.csv", rows)
    assert cli("train", "table-nb", "data.path=t.csv", "--out", "run").code == 0
    facts = cli("show", "run", "--words", "2", "--json").json
    assert facts["run"] == "run"
    assert list(facts["words"]) == labels
    top = facts["words"]["[red]a"]
    assert {item["term"] for item in top} == {"w0", "w0 the"}
    assert top[0]["weight"] >= top[1]["weight"] > 0
    shown = cli("show", "run", "--words", "2")
    assert shown.code == 0
    for text in (*labels, "w0 the", f"{top[0]['weight']:.3f}"):
        assert text in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80
    assert cli("show", "run/model", "--words", "2", "--json").json["words"] == facts["words"]


def test_the_config_of_a_run(cli, finished):
    facts = cli("show", finished.run, "--json").json
    assert facts["config"]["model"]["encoder"]["hidden"] == 8
    assert facts["parameters"]["total"] == finished.result.json["parameters"]
    assert facts["recorded"]["classes"] == 3
    assert "name: table" in cli("show", finished.run).out


def test_words_that_there_are_not(refused, finished):
    assert "kind 'neural' has no weight per word" in refused("show", finished.run, "--words", "3")
    assert "no such run" in refused("show", "absent", "--words", "3")
    assert "leave out seed=1" in refused("show", finished.run, "seed=1", "--words", "3")
    assert "leave out seed=1" in refused("show", finished.run, "seed=1")


def test_weights_by_label_from_the_command_line(cli, refused, write, rows, tmp_path):
    write(tmp_path / "t.csv", rows)
    train = ("train", "table-tfidf", "data.path=t.csv", "data.text=review")
    weights = "train.class_weights={good: 3}"
    assert cli(*train, weights, "--out", "run").code == 0
    assert Run("run").config["train"]["class_weights"] == {"good": 3.0}
    message = refused(*train, "train.class_weights={god: 3}", after_progress=True)
    assert "no text has the label 'god'; did you mean 'good'?" in message
    assert "give balanced" in refused("show", "table", "train.class_weights=[3]")
    assert "give balanced" in refused("show", "table", "train.class_weights={good: many}")
