"""Identities do not change unnoticed: a preset whose digest is another one has none of its old
runs any more, and every study trains them anew. Keys that came when there were runs already leave
identities alone at the values for which nothing changed; at others they do not."""

from __future__ import annotations

import pytest

from rnnlab import compose
from rnnlab.config.load import load_config, preset_names
from rnnlab.files import sha256_json
from rnnlab.identity import component_versions, identity_hash, identity_of, read_settings

PRESETS = {
    "compositional-bilstm-attention": "561d19dfbfb2a40a",
    "compositional-gru": "5c262a31cd7c0f95",
    "compositional-majority": "bd13e85445408dcd",
    "compositional-mean": "43fc3a3e3d136409",
    "compositional-nb": "21ad30cc9c99e822",
    "compositional-tfidf": "c0a9fd0771c0bc60",
    "grammar": "59f7a5eeaec3017e",
    "imdb": "36e02276b3fe5c02",
    "imdb-b-best": "b28c9d537a74337f",
    "imdb-b-cpu": "796bdacbf270759f",
    "imdb-c-baseline": "1791d269f47ab4dc",
    "imdb-c-best": "862a110a5b125868",
    "imdb-lm": "7f944df21bd11835",
    "imdb-lstm": "7b62acbb28f15b20",
    "imdb-mean": "e4259aa6003918d9",
    "imdb-nb": "5257e23e1b48b8f4",
    "imdb-tfidf": "10546416ea31c1c0",
    "lines": "1c9a102b30f6b64b",
    "ptb-awd": "2109819c35d5d919",
    "ptb-best-small": "3a0d641c2c15519e",
    "ptb-gru": "7111eca27794b546",
    "ptb-gru-dropout": "cc74ef362cec9546",
    "ptb-lstm": "3cb83c7f983d3b7b",
    "ptb-lstm-dropout": "56a97beb0f1ce5e3",
    "ptb-zaremba-large": "c34d35e95a8c56f5",
    "ptb-zaremba-medium": "4846420547d5edb9",
    "ptb-zaremba-small": "d1dd44a412437447",
    "sst2": "d8cdf5b518139b3b",
    "sst5": "6dab395a3d84ec4e",
    "sst5-bigru-pretrained": "4bd9b4deb17a883c",
    "sst5-bigru-random": "f2771ffa05c6df5c",
    "sst5-bilstm-attention": "2fedc17b908064f2",
    "sst5-bilstm-attention-finetuned": "b53ff84120cbc2a3",
    "sst5-bilstm-attention-frozen": "f6f75372a67658ec",
    "sst5-bilstm-attention-small": "cef226512ed2f96d",
    "sst5-bilstm-frozen": "0bc6c901e07d8dd4",
    "sst5-bilstm-pretrained": "ae9c9955e92e6c90",
    "sst5-bilstm-random": "0482726da2f727bb",
    "sst5-gru-pretrained": "564473f0e1cec4b0",
    "sst5-gru-random": "f41ab6b1de394681",
    "sst5-lstm-pretrained": "c303140eccca162a",
    "sst5-lstm-random": "b152b8f0e585fab2",
    "sst5-majority": "4b49f6b421940c82",
    "sst5-nb": "4bcbe4ff3dc8328f",
    "sst5-rnn-pretrained": "567ad74884981641",
    "sst5-rnn-random": "9e2b96f29321544c",
    "sst5-tfidf": "2d4aa393b4e07f96",
    "table": "c1c70a0785566762",
    "table-bigru": "f9b582a810250fb5",
    "table-gru": "d0ed87a529ca712e",
    "table-lstm": "b232775bc9266991",
    "table-majority": "a5cfbd93738c5018",
    "table-mean": "11043989cffde917",
    "table-nb": "ded271bdf2afb477",
    "table-rnn": "24a5fcfc1b8ffaa9",
    "table-tfidf": "6c6bfbc548787fb1",
}
EMBEDDED = {
    "compositional-bilstm-attention": "f3943d47cfc40cc8",
    "compositional-gru": "8c141f0c054d1362",
    "compositional-majority": "d6335e494b27f902",
    "compositional-mean": "cdf773afd16732fe",
    "compositional-nb": "160546bbfa28731a",
    "compositional-tfidf": "6dd9d5b53e68f23d",
}
STREAMS_AS_BEFORE = {  # with what the presets have since changed
    ("lines",): "c0c00f9d6438ce2c",
    ("ptb-gru", "train.average=null"): "8f8c9cadbb487ac0",
    ("ptb-lstm-dropout", "train.average=null", "train.clip_norm=5"): "62b6c066c933b317",
    ("ptb-zaremba-large",): "5713149789081eba",
}
CHANGES = (
    "model.embedding.type_dropout=0.1",
    "model.embedding.locked=true",
    "model.embedding.initial_range=0.1",
    "model.encoder.last_hidden=100",
    "model.tied=true",
    "model.adaptive.cutoffs=[2]",
    "model.adaptive={cutoffs: [2], divide_by: 2}",
    "model.locked=true",
    "train.stream.variable={}",
    "train.stream.variable.least=6",
    "train.stream.ar=1",
    "train.stream.tar=1",
    "train.average=0.9",
    "train.average.non_monotone=5",
    "train.average.non_monotone=6",
)


@pytest.fixture
def identity(tmp_path):
    """The identity of a preset on a small text."""
    path = tmp_path / "text.txt"
    path.write_text("the cat sees\na dog runs\n" * 20)

    def tell(name: str, *overrides: str):
        config = load_config(name, ["data.source=lines", f"data.path={path}", *overrides])
        return identity_of(config, compose.dataset_of(config))

    return tell


@pytest.mark.parametrize(("settings", "digest"), STREAMS_AS_BEFORE.items())
def test_streams_of_before_keep_their_identities(identity, settings, digest):
    found = identity(*settings)
    assert sha256_json([found["settings"], found["versions"]])[:16] == digest
    same = ("model.tied=false", "model.adaptive=null", "train.stream.ar=0", "train.average=null")
    assert identity(*settings, *same) == found


def test_every_change_is_another_run(identity):
    hashes = {identity_hash(identity("lines", *change)) for change in ((), *zip(CHANGES))}
    assert len(hashes) == len(CHANGES) + 1


def test_a_random_choice_of_ours_has_a_version_where_it_is_made(identity):
    plain = identity("lines")["versions"]
    chosen = identity("lines", "train.stream.variable={}", "train.average={non_monotone: 5}")
    assert chosen["versions"].keys() - plain.keys() == {
        "variable windows",
        "non-monotone average",
    }


@pytest.mark.parametrize("key", ["train.stream.ar=1", "train.stream.variable={}"])
def test_a_classifier_has_none_of_them(key):
    config, other = load_config("compositional-gru"), load_config("compositional-gru", [key])
    dataset = compose.dataset_of(config)
    assert identity_of(config, dataset) == identity_of(other, dataset)


def digest_of(name: str) -> str:
    """What a preset's training reads but for data and seed: names its runs within a study."""
    config = load_config(name)
    settings = {key: item for key, item in read_settings(config).items() if key != "seed"}
    return sha256_json([settings, component_versions(config)])[:16]


def test_the_presets_keep_what_names_their_runs():
    """A digest that changes on purpose, by a preset's settings or a component's VERSION, is changed
    here with it, and CHANGELOG.md tells that old runs are not found again."""
    assert {name: digest_of(name) for name in preset_names()} == PRESETS


@pytest.mark.parametrize(("name", "digest"), EMBEDDED.items())
def test_classifiers_of_embedded_texts_keep_their_identities(name, digest):
    config = load_config(name)
    assert identity_hash(identity_of(config, compose.dataset_of(config)))[:16] == digest
