"""Whatever the user gets wrong: exit code 2, one line that says what, where and what to do."""

from __future__ import annotations

import gzip
import json
import shutil

import pytest

HEADER = "review,label"


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["train", "imdb-lst"], ["unknown preset 'imdb-lst'", "did you mean 'imdb-lstm'?"]),
        (["show", "sst5-bilstm-atention"], ["did you mean 'sst5-bilstm-attention'?"]),
        (["data", "stats", "sst55"], ["unknown preset 'sst55'", "'sst5'"]),
        (["train", "absent.yaml"], ["absent.yaml: no such file"]),
        (["train"], ["name a preset"]),
        (["show", "table", "tran.epochs=3"], ["unknown key 'tran'", "'train'"]),
        (["show", "table", "train.epohcs=3"], ["unknown key 'train.epohcs'", "'epochs'"]),
        (["show", "table", "data.pth=x"], ["unknown key 'data.pth'", "'path'"]),
        (["show", "table", "data.vocabulary.max=3"], ["'data.vocabulary.max'", "'max_size'"]),
        (["show", "table", "model.encoder.hiden=3"], ["'model.encoder.hiden'", "'hidden'"]),
        (["show", "table", "train.optimizer.lrr=3"], ["'train.optimizer.lrr'", "'lr'"]),
        (["show", "table", "data.tokenizer.lower=true"], ["tokenizer.lower'", "'lowercase'"]),
        (
            ["show", "table", "model.encoder.cell=gruu"],
            ["model.encoder.cell", "cell 'gruu'", "'gru'"],
        ),
        (["show", "table", "model=nerual"], ["model kind 'nerual'", "'neural'"]),
        (["show", "table", "data.source=tabel"], ["data source 'tabel'", "'table'"]),
        (["show", "table", "model.pooling=[men]"], ["model.pooling", "'men'", "'mean'"]),
        (
            ["show", "table", "model.pooling=[]"],
            ["model.pooling", "attention, attention_additive, attention_matrix, final, max, mean"],
        ),
        (["show", "table", "model.pooling=3"], ["model.pooling", "3"]),
        (["show", "table", "train.epochs=many"], ["train.epochs", "integer", "'many'"]),
        (["show", "table", "train.epochs=1.5"], ["train.epochs", "1.5"]),
        (["show", "table", "train.epochs=0"], ["train.epochs", "greater than 0"]),
        (["show", "table", "train.epochs="], ["train.epochs", "None"]),
        (["show", "table", "train.optimizer.lr=fast"], ["train.optimizer.lr", "number", "'fast'"]),
        (["show", "table", "train.optimizer.lr=.nan"], ["train.optimizer.lr", "nan"]),
        (["show", "table", "train.optimizer.lr=.inf"], ["train.optimizer.lr", "inf"]),
        (["show", "table", "train.clip_norm=.inf"], ["train.clip_norm", "inf"]),
        (["show", "table", "model.encoder.hidden=[3]"], ["model.encoder.hidden", "[3]"]),
        (["show", "table", "data.tokenizer.lowercase=maybe"], ["lowercase", "boolean", "'maybe'"]),
        (["show", "table", "data.truncation=middle"], ["data.truncation", "head_and_tail"]),
        (["show", "table", "train=3"], ["train: ", "3"]),
        (["show", "table", "model=null"], ["model: ", "majority, nb, neural, tfidf"]),
        (["show", "table", "device=gpu"], ["device", "'gpu'"]),
        (["show", "table", "epochs"], ["'epochs' is not an override", "key=value"]),
        (["show", "table", "train.epochs.x=3"], ["train.epochs.x", "'epochs' is a value"]),
        (["show", "table", "train.epochs=[1"], ["train.epochs", "not valid YAML"]),
        (["data", "stats", "compositional", "seed=1"], ["takes no overrides"]),
        (["data", "fetch", "imbd"], ["unknown data source 'imbd'", "'imdb'"]),
        (["train", "table"], ["data.path is not set"]),
        (["train", "table", "data.path=reviews.txt"], ["'.txt'", ".csv"]),
        (["train", "table", "data.path=absent.csv"], ["absent.csv: no such file"]),
        (["train", "--resume", "absent"], ["absent: no such run"]),
        (["evaluate", "absent"], ["absent: no such run"]),
        (["predict", "absent", "text"], ["absent: no such run"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_config_and_arguments(refused, arguments, parts):
    message = refused(*arguments)
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("- 1\n", "expected a mapping"),
        ("", "expected a mapping"),
        ("extends: table\nseed: [1\n", "own.yaml, line 3: not valid YAML"),
        ("extends: table\nseed: 1\nseed: 2\n", "own.yaml, line 3: not valid YAML"),
        ("extends: tabel\n", "did you mean 'table'?"),
        ("extends: own.yaml\n", "own.yaml"),
        ("extends: table\ntrain: {epohcs: 3}\n", "unknown key 'train.epohcs'; did you mean"),
        ("model: majority\n", "key 'data' is missing"),
        ("extends: table\nname: a/b\n", "name: "),
        ("extends: table\nsummary: \xff\n", "cannot be read"),
    ],
)
def test_a_file_of_settings(refused, tmp_path, content, part):
    (tmp_path / "own.yaml").write_bytes(content.encode("latin-1"))
    assert part in refused("show", "own.yaml")


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"", ["t.csv is empty", "name the columns"]),
        (b"review,label\n", ["t.csv: no rows"]),
        (b"text,label\nx,1\ny,2\n", ["no column 'review' among 'text', 'label'", "data.text"]),
        (b"review,lable\nx,1\ny,2\n", ["no column 'label'", "data.label", "did you mean 'lable'?"]),
        (b'review,label\nx,1\n"y,2\nz,1\n', ["t.csv, line 3: a quote opens here"]),
        (b"review,label\nx,1\ncaf\xe9,2\n", ["t.csv, line 3: byte 0xe9 is not UTF-8"]),
        (b"review,label\nx,1\ny,2,3\n", ["t.csv, line 3: 3 fields instead of 2"]),
        (b"review,label\nx,1\ny,1\n", ["every row of column 'label' has the label '1'"]),
        (b"review,label\nx,4\ny,4.0\n", ["every row of column 'label' has the label '4'"]),
        (b"review,label\nx,1\ny,1.5\n", ["t.csv, line 3, column 'label'", "'1.5'", "whole number"]),
        (b"review,label\nx,1\ny,nan\n", ["t.csv, line 3, column 'label'", "'nan'"]),
        (b"review,label\nx,1\ny,\n", ["t.csv, line 3, column 'label'", "missing"]),
        (b"review;label\nx;1\ny;2\n", ["separated by ';'"]),
    ],
)
def test_a_table_to_train_on(refused, tmp_path, tiny, content, parts):
    (tmp_path / "t.csv").write_bytes(content)
    message = refused("train", "table", "data.path=t.csv", *tiny)
    for part in parts:
        assert part in message
    assert not (tmp_path / "runs").exists()


def test_an_unseen_label_is_named_with_its_line(refused, cli, tmp_path, rows, write, tiny):
    write(tmp_path / "t.csv", rows)
    write(tmp_path / "new.csv", [*rows[:9], {**rows[0], "label": "superb"}])
    arguments = ("train", "table", "data.path=t.csv", *tiny)
    message = refused(*arguments, "data.validation_path=new.csv")
    assert "new.csv, line 11: label 'superb' does not occur" in message
    assert cli(*arguments, "data.test_path=new.csv", "--out", "run").code == 0
    message = refused("evaluate", "run", "--split", "test")
    assert "new.csv, line 11: label 'superb' does not occur" in message
    assert "known: bad, good, mixed" in message
    assert not (tmp_path / "test-ledger.jsonl").exists()


def test_a_split_that_does_not_exist(refused, finished):
    message = refused("evaluate", finished.run, "--split", "dev")
    assert "no split 'dev'" in message
    assert "train, val, test" in message


def test_a_folder_with_a_config_of_something_else_is_not_a_run(refused, tmp_path, finished):
    project = tmp_path / "project"
    project.mkdir()
    (project / "config.yaml").write_text("site: mine\n")
    (project / "thesis.txt").write_text("x")
    assert "holds something else" in refused("train", *finished.arguments, "--out", "project")
    assert (project / "config.yaml").read_text() == "site: mine\n"
    assert len(list(project.iterdir())) == 2


def test_where_a_run_cannot_go(refused, cli, tmp_path, finished):
    (tmp_path / "file").write_text("x")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("x")
    train = ("train", *finished.arguments)
    assert "file is a file" in refused(*train, "--runs", "file/runs")
    assert "file is a file" in refused(*train, "--out", "file/below/it")
    assert "file is a file" in refused(*train, "--out", "file")
    assert "other holds something else" in refused(*train, "--out", "other")
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["thesis.txt"]
    before = (finished.run / "run.json").read_bytes()
    message = refused(*train, "train.optimizer.lr=0.5", "--out", finished.run)
    assert "holds another run (train.optimizer.lr was 0.05, is now 0.5)" in message
    assert "seed was 0, is now 7" in refused(*train, "seed=7", "--out", finished.run)
    assert (finished.run / "run.json").read_bytes() == before
    assert "not a run directory" in refused("train", "--resume", "other")
    assert "--resume takes a run directory alone" in refused(
        "train", "table", "--resume", finished.run
    )


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"", ["in.csv is empty"]),
        (b"review\n", ["in.csv: no rows"]),
        (b"text\nx\n", ["no column 'review' among 'text'", "--text"]),
        (b'review\n"x\n', ["in.csv, line 2: a quote opens here"]),
        (b"review\nx\n\xff\n", ["in.csv, line 3: byte 0xff is not UTF-8"]),
    ],
)
def test_a_table_to_label(refused, tmp_path, finished, content, parts):
    (tmp_path / "in.csv").write_bytes(content)
    message = refused("predict", finished.run, "--input", "in.csv", "--output", "out.csv")
    for part in parts:
        assert part in message
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_what_to_label_must_be_clear(refused, tmp_path, finished):
    predict = ("predict", finished.run)
    assert "--output goes with --input" in refused(*predict, "--input", finished.test)
    both = ("--input", finished.test, "--output", "out.csv")
    assert "give texts, --input or" in refused(*predict, "a text", *both)
    assert "'.doc'" in refused(*predict, "--input", finished.test, "--output", "out.doc")
    assert "absent.csv: no such file" in refused(
        *predict, "--input", "absent.csv", "--output", "out.csv"
    )
    message = refused(*predict, *both, "--text", "reveiw")
    assert "no column 'reveiw'" in message
    assert "did you mean 'review'?" in message
    assert list(tmp_path.iterdir()) == []


def test_standard_input_must_be_utf8(refused, finished):
    message = refused("predict", finished.run, stdin=b"caf\xe9\n")
    assert "standard input, line 1: not UTF-8" in message


def _cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _fewer_words(path):
    path.write_text(json.dumps(json.loads(path.read_text())[:-3]))


def _no_tensors(path):
    path.write_bytes((2).to_bytes(8, "little") + b"{}")


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("weights.safetensors", _cut),
        ("weights.safetensors", _no_tensors),
        ("model.json", _cut),
        ("model.json", lambda path: path.write_text("{}")),
        ("model.json", lambda path: path.write_bytes(b"\xff\x00")),
        ("vocabulary.json", _cut),
        ("vocabulary.json", _fewer_words),
    ],
)
def test_a_damaged_model(refused, tmp_path, finished, name, damage):
    shutil.copytree(finished.run / "model", tmp_path / "run" / "model")
    for mark in ("run.json", "config.yaml"):
        shutil.copy(finished.run / mark, tmp_path / "run")
    damage(tmp_path / "run" / "model" / name)
    assert "damaged" in refused("predict", "run", "a text")


@pytest.mark.parametrize("name", ["weights.safetensors", "model.json", "vocabulary.json"])
def test_a_missing_part_of_a_model_is_named(refused, tmp_path, finished, name):
    shutil.copytree(finished.run, tmp_path / "run")
    (tmp_path / "run" / "model" / name).unlink()
    message = refused("predict", "run", "a text")
    assert "no trained model" in message
    assert name in message


@pytest.mark.parametrize("name", ["run.json", "config.yaml"])
@pytest.mark.parametrize("content", [b"\xff\x00", b"{", b"{}", b"[]"])
def test_a_damaged_run_directory(refused, tmp_path, finished, name, content):
    shutil.copytree(finished.run, tmp_path / "run")
    (tmp_path / "run" / name).write_bytes(content)
    assert name in refused("train", "--resume", "run")
    if name == "config.yaml":
        assert name in refused("evaluate", "run")


def test_damaged_vectors(refused, tmp_path, rows, write, tiny):
    write(tmp_path / "t.csv", rows)
    train = ("train", "table", "data.path=t.csv", *tiny)
    values = " 1" * 8 + "\n"
    (tmp_path / "v.txt").write_text("great" + values + "the 1 1 1\n")
    message = refused(*train, "model.embedding.vectors=v.txt", after_progress=True)
    assert "v.txt, line 2: 3 values, expected 8" in message
    whole = gzip.compress("".join(f"word{i}{values}" for i in range(500)).encode())
    (tmp_path / "v.txt.gz").write_bytes(whole[: len(whole) // 2])
    message = refused(*train, "model.embedding.vectors=v.txt.gz", after_progress=True)
    assert "v.txt.gz is damaged or cut short" in message
    (tmp_path / "v5.txt").write_text("great 1 2 3 4 5\n")
    message = refused(*train, "model.embedding.vectors=v5.txt", after_progress=True)
    assert "vectors of 5 values, the model's embedding has 8" in message
    message = refused(*train, "model.embedding.vectors=absent.5d")
    assert "there are no vectors 'absent.5d'" in message
    assert "RNNLAB_DATA" in message


def test_a_vocabulary_without_words(refused, tmp_path, rows, write, tiny):
    write(tmp_path / "t.csv", rows)
    train = ("train", "table", "data.path=t.csv", *tiny)
    assert "data.vocabulary.min_count=999" in refused(*train, "data.vocabulary.min_count=999")
    message = refused(*train, "data.validation.fraction=0.001")
    assert "data.validation.fraction=0.001" in message
    assert "data.group" in refused(*train, "data.validation.by=film")


@pytest.mark.parametrize(("longest", "said"), [("null", "it is not set"), (50, "it is 50")])
def test_padding_that_is_read_needs_one_length(refused, longest, said):
    settings = ("model.read_padding=40", f"data.max_tokens={longest}", "data.train_size=64")
    message = refused("train", "compositional-gru", *settings)
    assert "model.read_padding=40 needs data.max_tokens of at most 40" in message
    assert said in message
