"""Sources of streams: the Penn Treebank's archive, and a user's own text files."""

from __future__ import annotations

import io
import tarfile

import pytest

from rnnlab.data.download import found
from rnnlab.data.sources import lines, ptb
from rnnlab.exceptions import UserError

SENTENCES = {"train": " a b <unk> \n c \n", "val": " a \n", "test": " b \n a \n"}
TOKENS = {"train": 6, "val": 2, "test": 4}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNLAB_CACHE", str(tmp_path / "cache"))


def archive(tmp_path, sentences: dict[str, bytes]) -> ptb.PtbSource:
    path = tmp_path / "simple-examples.tgz"
    with tarfile.open(path, "w:gz") as file:
        for split, data in sentences.items():
            info = tarfile.TarInfo(f"./simple-examples/data/{ptb.MEMBERS[split]}")
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return ptb.PtbSource(path, tokens=TOKENS)


def test_a_sentence_is_a_line_without_a_label(tmp_path):
    source = archive(tmp_path, {split: text.encode() for split, text in SENTENCES.items()})
    assert source.splits == ("train", "val", "test")
    assert source.labels == ()
    examples = list(source.read("train"))
    assert [example.text.split() for example in examples] == [["a", "b", "<unk>"], ["c"]]
    assert {example.label for example in examples} == {None}
    assert source.where("val", 0) == "ptb.valid.txt, line 1"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"train": b" a b \n"}, "3 tokens in simple-examples/data/ptb.train.txt, expected 6"),
        ({"train": b" a b \xff \n c \n"}, "byte 5 is not UTF-8"),
    ],
)
def test_an_archive_that_is_not_the_treebank_is_refused(tmp_path, change, what):
    content = {split: text.encode() for split, text in SENTENCES.items()} | change
    with pytest.raises(UserError, match=what):
        list(archive(tmp_path, content).read("train"))


def test_an_archive_without_a_split_is_refused(tmp_path):
    source = archive(tmp_path, {"train": SENTENCES["train"].encode()})
    with pytest.raises(UserError, match=r"no simple-examples/data/ptb\.valid\.txt"):
        list(source.read("val"))


def test_the_facts_of_the_real_archive(data_folder):
    path = found(ptb.ARCHIVE)
    if path is None:
        pytest.skip(f"{data_folder} has no {ptb.ARCHIVE.name}")
    source = ptb.PtbSource(path)
    types = {"<eos>"}
    for split in source.splits:
        sentences = [example.text.split() for example in source.read(split)]
        assert sum(map(len, sentences)) + len(sentences) == ptb.TOKENS[split]
        if split == "train":
            types.update(*sentences)
    assert len(types) == 10_000


def opened(**options: object) -> lines.LinesSource:
    return lines.open_source(lines.Options(**options))


def texts(source: lines.LinesSource, split: str) -> list[str]:
    return [example.text for example in source.read(split)]


def test_validation_is_the_end_of_the_text_unless_it_has_its_own(tmp_path):
    path = tmp_path / "t.txt"
    path.write_bytes(b"\xef\xbb\xbf" + "".join(f"é{n}\r\n" for n in range(10)).encode())
    cut = opened(path=str(path), val_fraction=0.3)
    assert cut.splits == ("train", "val")
    assert texts(cut, "train") == [f"é{n}" for n in range(7)]
    assert texts(cut, "val") == ["é7", "é8", "é9"]
    assert cut.where("val", 1) == f"{path}, line 9"
    other = tmp_path / "v.txt"
    other.write_text("x\n\ny")
    own = opened(path=str(path), val_path=str(other), test_path=str(other))
    assert own.splits == ("train", "val", "test")
    assert len(texts(own, "train")) == 10
    assert texts(own, "val") == ["x", "", "y"]
    assert own.where("test", 2) == f"{other}, line 3"
    assert own.fingerprint != cut.fingerprint


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "no words, so nothing for 'train'"),
        (b"\n \n", "no words, so nothing for 'train'"),
        (b"one line alone\n", r"its last lines are validation .*for 'train'; .*data\.val_path"),
    ],
)
def test_a_text_without_words_for_a_part_is_refused(tmp_path, content, part):
    path = tmp_path / "t.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"t\.txt: {part}"):
        texts(opened(path=str(path)), "train")


def test_validation_files_without_words_are_named(tmp_path):
    path, empty = tmp_path / "t.txt", tmp_path / "empty.txt"
    path.write_text("a\nb\n\n")
    empty.write_text("\n")
    assert texts(opened(path=str(path)), "train") == ["a", "b"]
    with pytest.raises(UserError, match=r"t\.txt: its last lines .*for 'val'; give more lines"):
        texts(opened(path=str(path)), "val")
    for split in ("val", "test"):
        source = opened(path=str(path), **{f"{split}_path": str(empty)})
        with pytest.raises(UserError, match=rf"empty\.txt: no words, so nothing for '{split}'"):
            texts(source, split)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_bytes_that_are_not_utf_8_are_named(tmp_path, mark):
    path = tmp_path / "t.txt"
    path.write_bytes(mark + b"good\nbad \xff\nmore\n")
    place = rf"t\.txt, line 2: byte {len(mark) + 9} of the file \(0xff\) is not UTF-8"
    with pytest.raises(UserError, match=place):
        texts(opened(path=str(path)), "train")


def test_a_missing_file_is_named_with_its_key(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("a\nb\n")
    with pytest.raises(UserError, match=r"data\.test_path: .*absent\.txt: cannot be read"):
        opened(path=str(path), test_path=str(tmp_path / "absent.txt"))
