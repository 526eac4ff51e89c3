"""Keys of language models that came when there were runs already: at the values for which nothing
changed they leave identities alone, at others they do not."""

from __future__ import annotations

import pytest

from rnnlab import compose
from rnnlab.config.load import load_config
from rnnlab.files import sha256_json
from rnnlab.identity import identity_hash, identity_of

AS_BEFORE = {
    "lines": "c0c00f9d6438ce2c",
    "ptb-gru": "8f8c9cadbb487ac0",
    "ptb-lstm-dropout": "62b6c066c933b317",
    "ptb-zaremba-large": "5713149789081eba",
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


@pytest.mark.parametrize(("name", "digest"), AS_BEFORE.items())
def test_runs_of_before_keep_their_identities(identity, name, digest):
    found = identity(name)
    assert sha256_json([found["settings"], found["versions"]])[:16] == digest
    same = ("model.tied=false", "model.adaptive=null", "train.stream.ar=0", "train.average=null")
    assert identity(name, *same) == found


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
