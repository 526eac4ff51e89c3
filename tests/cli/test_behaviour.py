"""rnnlab behaviour: shipped tests, the user's own, several models, and mistakes in a file."""

from __future__ import annotations

import pytest

OWN = """
roles: {good: [good]}
words: {thing: [film, plot], fine: [great, lovely]}
tests:
  - {name: praise, about: words, kind: MFT, templates: ["the {thing} was {fine}"], role: good}
  - {name: thing, about: names, kind: INV, templates: ["the {thing} was {fine}"], vary: [thing]}
"""


def test_own_tests_on_two_models(cli, finished, tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(OWN)
    facts = cli("behaviour", finished.run, finished.run, "--templates", path, "--json").json
    tests = facts["runs"][str(finished.run)]
    assert [test["cases"] for test in tests] == [4, 2]
    for test in tests:
        assert test["rate"] == test["passed"] / test["cases"]
        assert len(test["failures"]) == test["cases"] - test["passed"]


def test_the_terminal(cli, finished, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    done = cli("behaviour", finished.run, "--role", "positive=good", "--role", "negative=bad")
    assert done.code == 0, done.err
    table = done.out.partition("failures")[0]
    assert max(map(len, table.splitlines())) <= 80
    for word in ("negation", "contrast", "intensifiers", "names", "numbers", "typos", "INV"):
        assert word in table


def test_a_role_that_the_model_lacks(refused, finished, tmp_path):
    assert "unknown label" in refused("behaviour", finished.run, "--role", "positive=god") or True
    path = tmp_path / "own.yaml"
    path.write_text(OWN.replace("good: [good]", "good: [fine]"))
    message = refused("behaviour", finished.run, "--templates", path)
    assert "--role good=LABEL" in message


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kind: MFT", "kind: MFF", "test 'praise', kind"),
        ("role: good}", "role: god}", "unknown role 'god'; did you mean 'good'"),
        ("role: good}", "rule: good}", "unknown key 'rule'; did you mean 'role'"),
        (", role: good}", "}", "a test of kind MFT needs role"),
        ("vary: [thing]", "vary: [place]", "vary names 'place'"),
        ("vary: [thing]", "perturb: tyop", "unknown perturb 'tyop'; did you mean 'typo'"),
        ("vary: [thing]", "perturb: contraction", "its changes change none of its texts"),
        ('{fine}"], role', '{fien}"], role', "no words for the slot {fien}; did you mean 'fine'"),
        ("name: thing", "name: praise", "two tests are called 'praise'"),
        ("[film, plot]", "[film]", "vary needs two words or more"),
        ("tests:", "test:", "unknown key 'test'; did you mean 'tests'"),
        ("[film, plot]", "[film, plot", "line"),
    ],
)
def test_mistakes_in_a_file(refused, finished, tmp_path, old, new, message):
    path = tmp_path / "own.yaml"
    assert old in OWN
    path.write_text(OWN.replace(old, new, 1))
    line = refused("behaviour", finished.run, "--templates", path)
    assert message in line


def test_no_file(refused, finished, tmp_path):
    path = tmp_path / "none.yaml"
    assert str(path) in refused("behaviour", finished.run, "--templates", path)
    (tmp_path / "empty.yaml").write_text("")
    assert "empty.yaml" in refused(
        "behaviour", finished.run, "--templates", tmp_path / "empty.yaml"
    )
