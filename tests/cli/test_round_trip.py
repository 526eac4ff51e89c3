"""Train, evaluate, predict: what comes out is what went in, in order, labelled."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from rnnlab.data.tables import TableReader

LABELS = ("bad", "good", "mixed")


def probabilities(table: list[dict]) -> np.ndarray:
    return np.array([[float(row[f"p_{label}"]) for label in LABELS] for row in table])


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def predict_texts(cli, run, *texts: str, stdin: bytes = b"") -> tuple[np.ndarray, dict]:
    facts = cli("predict", run, *texts, "--json", stdin=stdin).json
    rows = [[p["probabilities"][label] for label in LABELS] for p in facts["predictions"]]
    return np.array(rows), facts


@pytest.fixture(scope="module")
def scored(finished) -> list[dict]:
    """The predictions that training left for validation and evaluate wrote for test."""
    from rnnlab.evaluation import evaluate_run

    evaluate_run(finished.run, "test")
    return pq.read_table(finished.run / "predictions" / "test.parquet").to_pylist()


def test_training_learned_something(finished):
    val = finished.result.json["val"]
    assert val["examples"] == 18
    assert val["accuracy"] > 0.6
    assert (finished.run / "plots" / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_evaluate_repeats_what_training_found_and_counts_uses_of_test(cli, finished, scored):
    ledger = finished.run.parent / "test-ledger.jsonl"
    uses = len(ledger.read_text().splitlines())
    val = cli("evaluate", finished.run, "--json").json
    assert len(ledger.read_text().splitlines()) == uses
    test = cli("evaluate", finished.run, "--split", "test", "--json").json
    assert len(ledger.read_text().splitlines()) == uses + 1
    line = json.loads(ledger.read_text().splitlines()[-1])
    assert line["run"] == finished.run.name
    assert line["accuracy"] == test["accuracy"]
    assert val["confusion"] == finished.result.json["val"]["confusion"]
    for key in ("accuracy", "macro_f1", "loss"):
        assert val[key] == pytest.approx(finished.result.json["val"][key], abs=1e-6)
    hits = sum(row["label"] == row["predicted"] for row in scored)
    assert test["accuracy"] == pytest.approx(hits / len(scored))
    assert test["examples"] == len(scored) == 30
    recorded = (finished.run / "evaluations.jsonl").read_text().splitlines()
    assert {json.loads(line)["split"] for line in recorded} == {"val", "test"}


def test_predictions_of_a_split_say_which_rows_they_are(finished, scored):
    assert [row["row"] for row in scored] == list(range(30))
    assert [row["label"] for row in scored] == [row["label"] for row in read_csv(finished.test)]
    val = pq.read_table(finished.run / "predictions" / "val.parquet").to_pylist()
    train = read_csv(finished.table)
    assert len({row["row"] for row in val}) == 18
    assert all(train[row["row"]]["label"] == row["label"] for row in val)


def test_texts_as_arguments_and_on_standard_input(cli, finished, scored):
    texts = [row["review"] for row in read_csv(finished.test)]
    given, facts = predict_texts(cli, finished.run, *texts)
    np.testing.assert_allclose(given, probabilities(scored), rtol=0, atol=1e-5)
    assert np.ptp(given[:, 0]) > 0.1
    assert [p["label"] for p in facts["predictions"]] == [row["predicted"] for row in scored]
    assert [p["probability"] for p in facts["predictions"]] == given.max(axis=1).tolist()
    for end in ("\n", "\r\n"):
        piped, _ = predict_texts(cli, finished.run, stdin=end.join(texts).encode())
        np.testing.assert_allclose(piped, given, rtol=0, atol=1e-6)


def test_a_line_for_each_text(cli, finished, scored):
    texts = [row["review"] for row in read_csv(finished.test)]
    result = cli("predict", finished.run, stdin="\n".join(texts).encode())
    lines = [line.split("\t") for line in result.out.splitlines()]
    assert [line[0] for line in lines] == [row["predicted"] for row in scored]
    assert [line[2] for line in lines] == texts
    best = probabilities(scored).max(axis=1)
    np.testing.assert_allclose([float(line[1]) for line in lines], best, rtol=0, atol=6e-5)
    assert result.err == "note: 30 text(s) are in the test part; entered in the test ledger\n"


@pytest.mark.parametrize("extension", ["csv", "tsv", "jsonl", "parquet"])
def test_a_table_keeps_its_rows_and_columns(cli, tmp_path, finished, scored, extension):
    output = tmp_path / f"out.{extension}"
    result = cli("predict", finished.run, "--input", finished.test, "--output", output, "--json")
    assert result.json == {
        "output": str(output),
        "texts": 30,
        "kept": 30,
        "texts_cut": 0,
        "texts_empty": 0,
        "tokens": sum(len(row["review"].split()) for row in read_csv(finished.test)),
        "coverage": 1.0,
        "max_tokens": 40,
    }
    if extension == "parquet":
        rows = pq.read_table(output).to_pylist()
    elif extension == "jsonl":
        rows = [json.loads(line) for line in output.read_text().splitlines()]
    else:
        with output.open(newline="") as file:
            rows = list(csv.DictReader(file, delimiter="," if extension == "csv" else "\t"))
    before = read_csv(finished.test)
    assert list(rows[0]) == [
        *("id", "review", "input_label"),
        *("label", "probability", "p_bad", "p_good", "p_mixed"),
    ]
    assert [(row["id"], row["review"], row["input_label"]) for row in rows] == [
        (row["id"], row["review"], row["label"]) for row in before
    ]
    np.testing.assert_allclose(probabilities(rows), probabilities(scored), rtol=0, atol=1e-5)
    assert [row["label"] for row in rows] == [row["predicted"] for row in scored]
    best = [float(row["probability"]) for row in rows]
    np.testing.assert_allclose(best, probabilities(rows).max(axis=1), rtol=0, atol=1e-7)


def test_json_lines_keep_the_types_of_their_values(cli, tmp_path, finished):
    before = [
        {"review": "a great film", "stars": 4, "p_bad": True, "tags": ["a", {"b": None}]},
        {"review": None, "stars": 2.5, "p_bad": False},
        {"stars": 1, "review": "dull — ça va"},
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in before))
    result = cli("predict", finished.run, "--input", "in.jsonl", "--output", "out.jsonl")
    assert result.code == 0
    assert "1 text(s) without words" in result.err
    after = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(row["review"], row["stars"], row["tags"]) for row in after] == [
        (row.get("review"), row["stars"], row.get("tags")) for row in before
    ]
    assert [row["input_p_bad"] for row in after] == [True, False, None]
    assert all(isinstance(row["p_bad"], float) for row in after)
    texts, _ = predict_texts(cli, finished.run, "a great film", "", "dull — ça va")
    np.testing.assert_allclose(probabilities(after), texts, rtol=0, atol=1e-6)


def test_a_table_can_be_labelled_in_place_and_by_another_column(cli, tmp_path, finished):
    (tmp_path / "t.csv").write_text("body,review\ngreat,dull\nawful,fine\n")
    result = cli(
        *("predict", finished.run, "--input", "t.csv", "--output", "t.csv", "--text", "body")
    )
    assert "2 texts labelled" in result.out
    rows = read_csv(tmp_path / "t.csv")
    assert [row["body"] for row in rows] == ["great", "awful"]
    expected, _ = predict_texts(cli, finished.run, "great", "awful")
    np.testing.assert_allclose(probabilities(rows), expected, rtol=0, atol=1e-6)
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_empty_and_endless_texts_are_classified_and_it_is_said(cli, tmp_path, finished):
    endless = "great film " * 50_000
    result = cli("predict", finished.run, "", endless, "fine", "--json")
    assert "note: 1 text(s) longer than 40 tokens were cut" in result.err
    assert "note: 1 text(s) without words" in result.err
    facts = result.json
    assert (facts["texts_cut"], facts["texts_empty"]) == (1, 1)
    for prediction in facts["predictions"]:
        assert sum(prediction["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    cut, _ = predict_texts(cli, finished.run, "great film " * 20)
    assert facts["predictions"][1]["probability"] == pytest.approx(cut.max(), abs=1e-6)
    (tmp_path / "in.csv").write_text(f'review\n""\n{endless}\nfine\n')
    result = cli("predict", finished.run, "--input", "in.csv", "--output", "out.csv", "--json")
    assert (result.json["texts_cut"], result.json["texts_empty"]) == (1, 1)
    assert "longer than 40 tokens were cut" in result.err
    assert [row["label"] for row in read_csv(tmp_path / "out.csv")] == [
        prediction["label"] for prediction in facts["predictions"]
    ]


@pytest.mark.parametrize("size", [1, 7])
def test_chunks_change_no_probability(cli, tmp_path, monkeypatch, finished, size):
    rows = read_csv(finished.test) * 2
    texts = [row["review"] for row in rows]
    whole, _ = predict_texts(cli, finished.run, stdin="\n".join(texts).encode())
    asked = []
    read_chunks = TableReader.chunks

    def small_chunks(table, *arguments, **settings):
        for chunk in read_chunks(table, size):
            asked.append(len(chunk))
            yield chunk

    monkeypatch.setattr("rnnlab.cli.predict._CHUNK_TEXTS", size)
    monkeypatch.setattr(TableReader, "chunks", small_chunks)
    piped, _ = predict_texts(cli, finished.run, stdin="\n".join(texts).encode())
    np.testing.assert_allclose(piped, whole, rtol=0, atol=1e-6)
    for output in ("out.csv", "out.parquet"):
        cli("predict", finished.run, "--input", finished.test, "--output", output)
    assert sum(asked) == 60
    assert max(asked) == size
    half = whole[:30]
    np.testing.assert_allclose(probabilities(read_csv(tmp_path / "out.csv")), half, atol=1e-6)
    table = pq.read_table(tmp_path / "out.parquet").to_pylist()
    np.testing.assert_allclose(probabilities(table), half, rtol=0, atol=1e-6)


def test_no_input_is_no_prediction(cli, finished):
    result = cli("predict", finished.run)
    assert (result.code, result.out) == (0, "")
    assert cli("predict", finished.run, "--json").json["predictions"] == []


def test_whole_numbers_written_otherwise_are_the_same_class(cli, tmp_path, tiny, write, rows):
    spelling = {
        "good": ["4", "4.0", "+4"],
        "bad": ["10", "10.0", "10.00"],
        "mixed": ["1", "01", "1."],
    }
    for number, row in enumerate(rows):
        row["label"] = spelling[row["label"]][number // 3 % 3]
    write(tmp_path / "t.csv", rows)
    facts = cli("train", "table", "data.path=t.csv", *tiny, "--out", "run", "--json").json
    assert [item["label"] for item in facts["val"]["per_class"]] == ["1", "4", "10"]
    assert [item["support"] for item in facts["val"]["per_class"]] == [2, 2, 2]
    prediction = cli("predict", "run", "great", "--json").json["predictions"][0]
    assert list(prediction["probabilities"]) == ["1", "4", "10"]


@pytest.mark.parametrize("model", ["majority", "nb", "tfidf"])
def test_baselines_make_the_same_round(cli, finished, model):
    arguments = ("table", *finished.arguments[1:4], f"model={model}", "threads=1")
    run = cli("train", *arguments, "--out", "run", "--json").json["run"]
    test = cli("evaluate", run, "--split", "test", "--json").json
    texts = [row["review"] for row in read_csv(finished.test)]
    given, facts = predict_texts(cli, run, *texts, "")
    assert facts["texts_empty"] == 1
    scored = pq.read_table(Path(run) / "predictions" / "test.parquet").to_pylist()
    np.testing.assert_allclose(given[:-1], probabilities(scored), rtol=0, atol=1e-5)
    if model == "majority":
        assert test["accuracy"] == pytest.approx(1 / 3)
    else:
        assert test["accuracy"] > 0.5


def test_the_installed_command_in_a_pipe(finished):
    command = Path(sys.executable).with_name("rnnlab")
    done = subprocess.run(
        [command, "predict", finished.run],
        input="a great film\n\nça alors\n".encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode().splitlines()
    assert [line.split("\t")[2] for line in lines] == ["a great film", "", "ça alors"]
    assert lines[0].startswith("good\t")
    assert done.stderr.decode().splitlines() == [
        "note: 1 text(s) without words: read as one unknown word"
    ]


def test_a_run_finds_its_table_again_from_any_folder(tmp_path, cli, monkeypatch):
    rows = ["text,label"] + [f"{word} {n},{word}" for n in range(12) for word in ("good", "bad")]
    (tmp_path / "t.csv").write_text("\n".join(rows) + "\n")
    monkeypatch.chdir(tmp_path)
    assert cli("train", "table", "data.path=t.csv", "model=majority", "--out", "run").code == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert cli("evaluate", "../run").code == 0


def test_a_finished_run_learns_where_its_tables_are_now(tmp_path, cli, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = ["text,label"] + [f"{word} {n},{word}" for n in range(12) for word in ("good", "bad")]
    Path("t.csv").write_text("\n".join(rows) + "\n")
    first = cli("train", "table", "data.path=t.csv", "model=majority", "--json").json
    assert cli("evaluate", first["run"], "--split", "test").code == 2
    Path("t.csv").rename("moved.csv")
    paths = ("data.path=moved.csv", "data.test_path=moved.csv")
    assert cli("train", "table", *paths, "model=majority", "--json").json["run"] == first["run"]
    assert cli("evaluate", first["run"], "--split", "test").code == 0


def test_a_class_that_is_only_in_validation_is_refused(tmp_path, refused):
    rows = ["text,label,who"]
    rows += [f"text {n},{'rare' if n % 10 == 0 else 'often'},{n % 10}" for n in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(rows) + "\n")
    table = ("table", f"data.path={tmp_path / 't.csv'}", "data.group=who", "model=tfidf")
    messages = []
    for seed in range(12):
        line = refused(
            "train", *table, "data.validation.fraction=.9", f"data.validation.seed={seed}"
        )
        messages.append(line)
    assert any("no training example has the label 'rare'" in line for line in messages)


def test_the_model_folder_alone_predicts(tmp_path, cli, finished):
    import shutil

    shutil.copytree(finished.run / "model", tmp_path / "alone")
    whole = cli("predict", finished.run, "a good film", "--json").json
    assert cli("predict", tmp_path / "alone", "a good film", "--json").json == whole
