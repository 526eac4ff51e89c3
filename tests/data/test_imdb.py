"""IMDB from a small archive of the same layout, and the facts of the real one."""

from __future__ import annotations

import io
import random
import tarfile

import pytest

from rnnlab.data.download import found
from rnnlab.data.sources import imdb
from rnnlab.data.sources.imdb import ImdbSource
from rnnlab.exceptions import UserError

SIZES = {"train/neg": 3, "train/pos": 3, "test/neg": 3, "test/pos": 3, "train/unsup": 12}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNLAB_CACHE", str(tmp_path / "cache"))


def members() -> dict[str, bytes]:
    content = {"aclImdb/README": b"", "aclImdb/train/labeledBow.feat": b"9 0:9 1:1"}
    for folder, num_reviews in SIZES.items():
        split, kind = folder.split("/")
        pages = ""
        for number in range(num_reviews):
            rating = {"neg": 2, "pos": 9, "unsup": 0}[kind]
            text = f"{folder} número {number} <br />"
            content[f"aclImdb/{folder}/{number}_{rating}.txt"] = text.encode()
            pages += f"http://www.imdb.com/title/tt000{number // 2}/usercomments\n"
        content[f"aclImdb/{split}/urls_{kind}.txt"] = pages.encode()
    return content


def opened(tmp_path, content: dict[str, bytes], seed: int = 0) -> ImdbSource:
    path = tmp_path / f"imdb{seed}.tar.gz"
    names = sorted(content)
    random.Random(seed).shuffle(names)
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(content[name])
            archive.addfile(info, io.BytesIO(content[name]))
    return ImdbSource(path, num_labelled=3, num_unlabelled=12)


def test_examples_come_by_label_and_number_whatever_the_order_of_the_archive(tmp_path):
    source = opened(tmp_path, members())
    train = list(source.read("train"))
    assert [example.text for example in train] == [
        f"train/{kind} número {number} <br />" for kind in ("neg", "pos") for number in range(3)
    ]
    assert [example.label for example in train] == ["negative"] * 3 + ["positive"] * 3
    assert [example.group for example in train] == ["tt0000", "tt0000", "tt0001"] * 2
    assert source.where("train", 4) == "imdb train, example 4 (train/pos/1_*.txt)"
    unsup = list(source.read("unsup"))
    assert [example.label for example in unsup] == [None] * 12
    assert unsup[10].text == "train/unsup número 10 <br />"
    other = opened(tmp_path, members(), seed=1)
    for split in source.splits:
        assert list(source.read(split)) == list(other.read(split))


def test_one_pass_serves_both_labelled_splits(tmp_path, monkeypatch):
    passes = []

    def counted(*arguments):
        passes.append(arguments)
        return imdb_iterate(*arguments)

    imdb_iterate = imdb.iterate_tar
    monkeypatch.setattr(imdb, "iterate_tar", counted)
    source = opened(tmp_path, members())
    assert len(list(source.read("train"))) == len(list(source.read("test"))) == 6
    assert len(passes) == 1
    assert len(list(source.read("train"))) == 6


def without(name: str) -> dict[str, bytes]:
    content = members()
    del content[f"aclImdb/{name}"]
    return content


@pytest.mark.parametrize(
    ("content", "split", "what"),
    [
        (without("test/pos/1_9.txt"), "test", "2 reviews in test/pos, expected 3"),
        (without("train/unsup/11_0.txt"), "unsup", "11 reviews in train/unsup, expected 12"),
        (without("train/urls_neg.txt"), "train", "0 reviews of train/neg, expected 3"),
        (
            {**without("test/pos/1_9.txt"), "aclImdb/test/pos/7_9.txt": b""},
            "test",
            "3 reviews in test/pos, expected 3 (IDs from 0)",
        ),
        (
            {**members(), "aclImdb/test/neg/0_2.txt": b"caf\xe9"},
            "test",
            "member aclImdb/test/neg/0_2.txt: byte 3 is not UTF-8",
        ),
        (
            {**members(), "aclImdb/train/urls_pos.txt": b"http://a/title/tt1/\n\n"},
            "train",
            "member aclImdb/train/urls_pos.txt, line 2",
        ),
    ],
)
def test_an_archive_that_is_not_the_whole_data_set_is_refused(tmp_path, content, split, what):
    with pytest.raises(UserError) as refused:
        list(opened(tmp_path, content).read(split))
    assert what in str(refused.value)
    assert imdb.ARCHIVE.url in str(refused.value)


@pytest.mark.slow
def test_the_facts_of_the_real_archive():
    path = found(imdb.ARCHIVE)
    if path is None:
        pytest.skip("IMDB is not here: set RNNLAB_DATA to the folder that holds it")
    source = ImdbSource(path)
    train, test = list(source.read("train")), list(source.read("test"))
    texts = [{example.text for example in split} for split in (train, test)]
    films = [{example.group for example in split} for split in (train, test)]
    for split in (train, test):
        assert [example.label for example in split] == ["negative"] * 12_500 + ["positive"] * 12_500
    assert [len(split) for split in texts] == [25_000 - 96, 25_000 - 199]
    assert len(texts[0] & texts[1]) == 123
    assert [len(split) for split in films] == [3_456, 3_581]
    assert len(films[0] & films[1]) == 1
    assert train[12_500].text.startswith("Bromwell High is a cartoon comedy")
    assert train[12_500].group == "tt0453418"
    unlabelled = {example.group for example in source.read("unsup")}
    assert len(unlabelled) == 7_091
    assert unlabelled.isdisjoint(films[0] | films[1])
