"""A classifier that begins with the word vectors and layers of a language model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from rnnlab import Run

SIZES = ("model.embedding.dim=6", "model.encoder.hidden=5")
ONE_WAY = "model.encoder.bidirectional=false"
STILL = ("train.epochs=1", "train.optimizer.lr=1e-30")


def arrays(run: Path) -> dict[str, np.ndarray]:
    return load_file(run / "model" / "weights.safetensors")


def words(run: Path) -> list[str]:
    return json.loads((run / "model" / "vocabulary.json").read_text())


@pytest.fixture(scope="module")
def arguments(finished):
    """Of a language model on the texts of the finished run."""
    return (
        *("lines", "data.source=table", f"data.path={finished.table}", "data.text=review"),
        *("data.vocabulary.max_size=20", "model.encoder.layers=1", *SIZES),
        *("train.epochs=1", "train.batch_size=4", "train.stream.window=12", "threads=1"),
    )


@pytest.fixture(scope="module")
def reader(finished, arguments, tools, tmp_path_factory):
    """A language model that has learned."""
    folder = tmp_path_factory.mktemp("pretrained")
    result = tools.run("train", *arguments, "--runs", folder, "--json")
    assert result.code == 0, result.err
    return Path(result.json["run"])


@pytest.fixture
def train(cli, finished):
    def call(pretrained, *more):
        settings = (*finished.arguments, *SIZES, ONE_WAY, *STILL)
        return cli(
            "train", *settings, f"model.pretrained={pretrained}", *more, "--runs", "runs", "--json"
        )

    return call


def test_it_begins_with_vectors_by_word_and_with_the_layers(train, reader):
    result = train(reader)
    assert result.code == 0, result.err
    run = Path(result.json["run"])
    theirs, ours = arrays(reader), arrays(run)
    row = {word: number for number, word in enumerate(words(reader))}
    known = 0
    for number, word in enumerate(words(run)):
        if word in row and word != "<pad>":
            known += 1
            assert (ours["embedding.weight"][number] == theirs["embedding.weight"][row[word]]).all()
    assert known == 21 < len(words(run)) - 1
    names = [name for name in theirs if name.startswith("encoder.")]
    assert len(names) == 4
    assert all((ours[name] == theirs[name]).all() for name in names)
    coverage = json.loads((run / "run.json").read_text())["vectors_coverage"]
    assert 0.5 < coverage["types"] < coverage["tokens"] < 1


def test_a_backward_direction_begins_with_random_numbers(train, reader):
    run = Path(train(reader, "model.encoder.bidirectional=true").json["run"])
    theirs, ours = arrays(reader), arrays(run)
    assert (ours["encoder.weight_hh_l0"] == theirs["encoder.weight_hh_l0"]).all()
    assert "encoder.weight_hh_l0_reverse" in ours


def test_the_run_is_known_by_the_parameters_and_found_from_any_folder(train, reader, tmp_path):
    shutil.copytree(reader, tmp_path / "copy")
    first = train("copy")
    config = Run.load(first.json["run"]).config
    assert config["model"]["pretrained"] == str(tmp_path / "copy")
    again = train(reader)
    assert Path(first.json["run"]).name == Path(again.json["run"]).name
    shutil.copytree(reader / "model", tmp_path / "alone")
    assert Path(train("alone").json["run"]).name == Path(first.json["run"]).name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("model.embedding.dim=7", "model.embedding.dim=7 does not fit model.pretrained: "),
        ("model.encoder.hidden=4", "has model.encoder.hidden=5"),
        ("model.encoder.layers=2", "has model.encoder.layers=1"),
        ("model.encoder.cell=gru", "has model.encoder.cell=lstm (activation=tanh)"),
        ("model.embedding.vectors=glove", "leave out embedding.vectors"),
        ("model.encoder=null", "leave one out"),
    ],
)
def test_what_does_not_fit_is_named(train, reader, change, message):
    result = train(reader, change)
    assert result.code == 2
    assert message in result.err.splitlines()[-1]


def test_a_classifier_and_nothing_are_no_language_models(train, finished):
    result = train(finished.run)
    assert result.code == 2
    assert f"{finished.run} is a classifier" in result.err.splitlines()[-1]
    result = train("nowhere")
    assert result.code == 2
    assert "nowhere: no such run directory" in result.err.splitlines()[-1]


def test_layers_that_a_classifier_cannot_have_are_refused(cli, train, arguments, reader):
    more = ("model.encoder.layers=2", "model.encoder.last_hidden=4")
    other = cli("train", *arguments, *more, "--runs", "runs", "--json").json["run"]
    result = train(other, "model.encoder.layers=2")
    assert result.code == 2
    assert "a last layer of another width" in result.err.splitlines()[-1]
    other = cli("train", *arguments, more[0], "--runs", "runs", "--json").json["run"]
    assert train(other, more[0]).code == 0
    result = train(other, more[0], "model.encoder.bidirectional=true")
    assert result.code == 2
    assert "set it to false" in result.err.splitlines()[-1]


def test_another_tokenizer_and_another_validation_part_are_noticed(train, reader, caplog):
    assert train(reader).code == 0
    assert "model.pretrained" not in caplog.text
    assert train(reader, "data.tokenizer=whitespace").code == 0
    assert "another tokenizer" in caplog.text
    assert "validates on" not in caplog.text
    assert train(reader, "data.validation.seed=1").code == 0
    assert "it has read texts that this run validates on" in caplog.text


def test_a_language_model_reads_further_texts_without_their_labels(cli, arguments, tools, tmp_path):
    plain = cli("train", *arguments, "--runs", "runs", "--json").json["run"]
    rows = [{"words": row["review"]} for row in tools.rows(30, seed=9)]
    rows[3]["words"] = held_out_text(cli, plain)
    table = tools.write(tmp_path / "more.csv", rows)
    extra = (f"data.extra.path={table}", "data.extra.text=words")
    result = cli("train", *arguments, *extra, "--runs", "runs", "--json")
    assert result.code == 0, result.err
    assert "(29 extra texts; 1 more are copies" in result.err.replace("\n", " ")
    facts = [
        json.loads((Path(run) / "run.json").read_text()) for run in (plain, result.json["run"])
    ]
    assert facts[1]["data"]["extra"] == {"texts": 29, "of": 30}
    assert facts[1]["data"]["train"]["tokens"] > facts[0]["data"]["train"]["tokens"] + 29
    assert facts[1]["data"]["val"] == facts[0]["data"]["val"]
    assert words(Path(plain)) == words(Path(result.json["run"]))
    result = cli("train", *arguments, extra[0], "--runs", "runs")
    assert result.code == 2
    assert "no column 'text'" in result.err


def held_out_text(cli, run: str) -> str:
    """A text of the run's validation part."""
    from rnnlab.run_records import run_data

    dataset = run_data(Path(run), "val")
    (text,) = dataset.texts("train").texts(dataset.rows("val")[:1])
    return text
