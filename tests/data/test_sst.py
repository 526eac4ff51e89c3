"""The treebank's sentences: the parser, the two sources, the facts of the real archive."""

from __future__ import annotations

import zipfile
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlab.data.download import found
from rnnlab.data.sources import sst2, sst5
from rnnlab.data.sources._sst import ARCHIVE, SstSource, parse_tree
from rnnlab.exceptions import UserError

TRAIN = r"""(3 (2 It) (4 (2 's) (4 good)))
(2 (2 -LRB-) (2 (2 writer\/director) (2 (2 \*\*) (2 -RRB-))))
(0 bad)
(1 (2 not) (3 good))
(4 (2 8~1\/2) (2 !))
""".replace("~", "\xa0")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNLAB_CACHE", str(tmp_path / "cache"))


def write_archive(tmp_path, train: str = TRAIN, **others: str):
    path = tmp_path / "trees.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("trees/train.txt", train)
        for split, member in (("val", "dev"), ("test", "test")):
            archive.writestr(f"trees/{member}.txt", others.get(split, "(4 fine)\n"))
    return path


def opened(path, module, *, phrases: bool = False) -> SstSource:
    num_trees = {"train": 5, "val": 1, "test": 1}
    name = module.__name__[-4:]
    return SstSource(path, name, module.LABEL_OF, num_trees=num_trees, phrases=phrases)


def test_five_classes(tmp_path):
    source = opened(write_archive(tmp_path), sst5)
    assert source.labels == ("very negative", "negative", "neutral", "positive", "very positive")
    assert [tuple(example) for example in source.read("train")] == [
        ("It 's good", "positive", None),
        ("( writer/director ** )", "neutral", None),
        ("bad", "very negative", None),
        ("not good", "negative", None),
        ("8\xa01/2 !", "very positive", None),
    ]
    assert [tuple(example) for example in source.read("val")] == [("fine", "very positive", None)]
    assert source.where("val", 0) == "sst5 val, example 0 (trees/dev.txt, line 1)"


def test_phrases_of_train_are_distinct_and_no_sentence_of_dev_or_test(tmp_path):
    path = write_archive(tmp_path, val="(4 (2 not) (3 good))\n", test="(3 bad)\n")
    source = opened(path, sst5, phrases=True)
    texts = [(text, label) for text, label, _ in source.read("train")]
    assert texts[:5] == [
        ("It 's good", "positive"),
        ("It", "neutral"),
        ("'s good", "very positive"),
        ("'s", "neutral"),
        ("good", "very positive"),
    ]
    assert ("not", "neutral") in texts
    assert ("good", "positive") in texts  # the same words with another label
    assert len(texts) == len(set(texts))
    assert not {"not good", "bad"} & {text for text, _ in texts}
    assert [text for text, _, _ in source.read("val")] == ["not good"]
    assert source.where("train", 3) == "sst5 train, example 3 (trees/train.txt, line 1)"
    assert source.where("train", len(texts) - 1).endswith("line 5)")
    assert source.fingerprint != opened(path, sst5).fingerprint


def test_two_classes_drop_neutral_sentences(tmp_path):
    source = opened(write_archive(tmp_path), sst2)
    assert source.labels == ("negative", "positive")
    labels = [example.label for example in source.read("train")]
    assert labels == ["positive", "negative", "negative", "positive"]
    assert source.where("train", 1) == "sst2 train, example 1 (trees/train.txt, line 3)"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("", "there is no tree"),
        ("(3 (2 a) (2 b)", "not closed"),
        ("(3 a))", "')' stands outside"),
        ("(3 a) (2 b)", "a second tree"),
        ("(5 a)", "'5' is not a label"),
        ("(3)", "neither a word nor children"),
        ("(", "'' is not a label"),
        ("(3 a b)", "'a' is not the only child"),
        ("(3 (2 a) b)", "'b' is not the only child"),
        ("(3 a (2 b))", "'a' is not the only child"),
        ("word", "'word' stands outside"),
    ],
)
def test_a_malformed_tree_is_named_by_file_and_line(tmp_path, line, what):
    lines = TRAIN.splitlines()
    lines[2] = line
    source = opened(write_archive(tmp_path, "\n".join(lines)), sst2)
    with pytest.raises(UserError) as refused:
        list(source.read("train"))
    assert "trees/train.txt, line 3" in str(refused.value)
    assert what in str(refused.value)


def bracketed(tree) -> str:
    label, content = tree
    inside = content if isinstance(content, str) else " ".join(map(bracketed, content))
    return f"({label} {inside})"


def words(tree) -> list[str]:
    _, content = tree
    return [content] if isinstance(content, str) else [w for child in content for w in words(child)]


LABEL = st.sampled_from("01234")
WORD = st.text(st.characters(exclude_characters="() \\-", exclude_categories=["Cs"]), min_size=1)
TREES = st.recursive(
    st.tuples(LABEL, WORD),
    lambda child: st.tuples(LABEL, st.lists(child, min_size=1, max_size=3)),
    max_leaves=20,
)


def labelled(tree) -> list[tuple[str, list[str]]]:
    label, content = tree
    children = [] if isinstance(content, str) else content
    return [(label, words(tree)), *(phrase for child in children for phrase in labelled(child))]


@given(TREES)
def test_any_tree_gives_its_leaves_and_its_phrases(tree):
    phrases, leaves = parse_tree(bracketed(tree))
    assert leaves == words(tree)
    assert [(label, leaves[first:end]) for label, first, end in phrases] == labelled(tree)


@given(st.text("(02 a)", max_size=30))
def test_any_other_text_is_a_value_error(text):
    try:
        phrases, leaves = parse_tree(text)
    except ValueError:
        return
    assert {phrase.label for phrase in phrases} <= {"0", "2"}
    assert leaves


def test_depth_is_no_problem():
    depth = 50_000
    phrases, leaves = parse_tree("(1 " * depth + "word" + ")" * depth)
    assert phrases == [("1", 0, 1)] * depth
    assert leaves == ["word"]


def test_a_missing_member_and_a_missing_tree_are_named(tmp_path):
    path = tmp_path / "trees.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("trees/train.txt", TRAIN)
    with pytest.raises(UserError, match=r"no member trees/dev\.txt"):
        list(opened(path, sst5).read("train"))
    path = write_archive(tmp_path, val="(4 fine)\n(3 well)\n")
    with pytest.raises(UserError, match=r"2 trees in trees/dev\.txt, expected 1"):
        list(opened(path, sst5).read("train"))


def test_the_facts_of_the_real_archive():
    path = found(ARCHIVE)
    if path is None:
        pytest.skip("the treebank is not here: set RNNLAB_DATA to the folder that holds it")
    five = SstSource(path, "sst5", sst5.LABEL_OF)
    two = SstSource(path, "sst2", sst2.LABEL_OF)
    splits = {split: list(five.read(split)) for split in five.splits}
    assert [len(split) for split in splits.values()] == [8_544, 1_101, 2_210]
    assert [sum(1 for _ in two.read(split)) for split in two.splits] == [6_920, 872, 1_821]
    assert Counter(e.label for e in splits["train"]) == {
        "very negative": 1_092,
        "negative": 2_218,
        "neutral": 1_624,
        "positive": 2_322,
        "very positive": 1_288,
    }
    text = splits["train"][0].text
    assert text.startswith("The Rock is destined to be the 21st Century 's new `` Conan ''")
    vocabulary = {word for example in splits["train"] for word in example.text.split()}
    assert len(vocabulary) + len(["pad", "unknown"]) == 18_280
    assert {"(", ")"} <= vocabulary
    assert not [word for word in vocabulary if "\\" in word or "RB-" in word]
