"""The source `table`: examples as they stand in the file, and errors that say where."""

from __future__ import annotations

import json

import pytest

from rnnlab.data.sources import Example
from rnnlab.data.sources.table import Options, open_source
from rnnlab.exceptions import UserError


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def write(path, *rows):
    path.write_text("text,label\n" + "".join(f"{row}\n" for row in rows))
    return str(path)


def error_of(options, split="train"):
    with pytest.raises(UserError) as caught:
        list(open_source(options).read(split))
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_examples_of_each_split(tmp_path):
    train = write(tmp_path / "train.csv", "good film,1", '"two\nlines",0.0', ",1")
    (tmp_path / "test.jsonl").write_text('{"label": true, "text": "x"}\n')
    source = open_source(Options(path=train, test_path="test.jsonl"))
    assert source.splits == ("train", "test")
    assert source.labels is None
    assert source.group_kind is None
    assert list(source.read("train")) == [
        Example("good film", "1"),
        Example("two\nlines", "0"),
        Example("", "1"),
    ]
    assert list(source.read("test")) == [Example("x", "true")]
    assert [source.where("train", row) for row in range(3)] == [
        "train.csv, line 2",
        "train.csv, line 3",
        "train.csv, line 5",
    ]
    assert source.where("test", 0) == "test.jsonl, line 1"


def test_groups_are_those_of_train(tmp_path):
    (tmp_path / "t.jsonl").write_text(
        "".join(
            json.dumps({"t": "x", "y": y, "film": film}) + "\n"
            for y, film in [(0, 7), (1, "seven"), (1, None), (0, "")]
        )
    )
    write(tmp_path / "v.csv", "x,1")
    (tmp_path / "v.csv").write_text("t,y\nx,1\n")
    options = Options(path="t.jsonl", text="t", label="y", group="film", validation_path="v.csv")
    source = open_source(options)
    assert source.splits == ("train", "val")
    assert source.group_kind == "film"
    assert [example.group for example in source.read("train")] == ["7", "seven", None, None]
    assert list(source.read("val")) == [Example("x", "1", None)]


def test_the_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "t.csv", "x,1", "y,2")
    assert len(list(open_source(Options(path="~/t.csv")).read("train"))) == 2


def test_the_fingerprint_follows_contents_and_columns(tmp_path):
    write(tmp_path / "a.csv", "x,1", "y,2")
    write(tmp_path / "b.csv", "x,1", "y,2")
    write(tmp_path / "c.csv", "x,1", "y,3")
    prints = [open_source(Options(path=f"{name}.csv")).fingerprint for name in "abc"]
    assert prints[0] == prints[1] != prints[2]
    swapped = open_source(Options(path="a.csv", text="label", label="text")).fingerprint
    assert swapped != prints[0]
    assert open_source(Options(path="a.csv", test_path="c.csv")).fingerprint != prints[0]


@pytest.mark.parametrize("path", [None, ""])
def test_without_a_path_there_are_options_but_no_data(path):
    assert error_of(Options(path=path)).startswith("data.path is not set")


def test_missing_columns_are_found_on_opening(tmp_path):
    path = write(tmp_path / "t.csv", "x,1", "y,2")
    (tmp_path / "v.csv").write_text("text,stars\nx,1\n")
    for options, message in [
        (Options(path=path, text="txt"), "no column 'txt' among 'text', 'label'; set data.text"),
        (Options(path=path, label="lable"), "did you mean 'label'?"),
        (Options(path=path, group="film"), "set data.group to one of them"),
        (Options(path=path, validation_path="v.csv"), "v.csv: no column 'label'"),
        (Options(path=path, text="label"), "data.text and data.label are both 'label'"),
    ]:
        with pytest.raises(UserError) as caught:
            open_source(options)
        assert message in str(caught.value)


@pytest.mark.parametrize("label", ["3.5", "", "nan", "1e400"])
def test_a_bad_label_names_file_and_line(tmp_path, label):
    path = write(tmp_path / "t.csv", "x,1", "y,2", f"z,{label}")
    message = error_of(Options(path=path))
    assert message.startswith(f"{path}, line 4, column 'label': ")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"label": 1}, "column 'text' has no text"),
        ({"text": None, "label": 1}, "column 'text' has no text"),
        ({"text": 5, "label": 1}, "column 'text' holds int instead of text"),
        ({"text": "x"}, "column 'label': the label is missing"),
        ({"text": "x", "label": [1]}, "column 'label': the label is a list"),
    ],
)
def test_a_bad_row_names_file_and_line(tmp_path, row, problem):
    (tmp_path / "t.jsonl").write_text(
        json.dumps({"text": "x", "label": 0}) + "\n" + json.dumps(row) + "\n"
    )
    message = error_of(Options(path="t.jsonl"))
    assert message.startswith("t.jsonl, line 2")
    assert problem in message


def test_one_class_is_not_enough(tmp_path):
    path = write(tmp_path / "t.csv", "x,good", "y,good")
    assert "every row of column 'label' has the label 'good'" in error_of(Options(path=path))
    two = write(tmp_path / "two.csv", "x,good", "y,bad")
    source = open_source(Options(path=two, test_path=path))
    assert len(list(source.read("test"))) == 2


@pytest.mark.parametrize("rows", [30, 5000])
def test_a_column_of_texts_is_not_one_of_labels(tmp_path, rows):
    path = write(tmp_path / "t.csv", *(f"film number {n} was,1" for n in range(rows)))
    message = error_of(Options(path=path, text="label", label="text"))
    assert "column 'text' does not look like labels" in message
    assert "'film number 0 was'" in message


def test_small_tables_and_many_classes_are_accepted(tmp_path):
    small = write(tmp_path / "small.csv", *(f"x,class {n}" for n in range(19)))
    assert len(list(open_source(Options(path=small)).read("train"))) == 19
    many = write(tmp_path / "many.csv", *(f"x,{n % 1000}" for n in range(2500)))
    assert len({example.label for example in open_source(Options(path=many)).read("train")}) == 1000
