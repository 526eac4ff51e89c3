"""A folder of the cache appears whole or not at all, and is made once."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rnnlab.data.cache import cached_folder
from rnnlab.exceptions import UserError

SCRIPT = """
import sys, time
from pathlib import Path
from rnnlab.data.cache import cached_folder

def make(folder):
    with Path("made.log").open("a") as log:
        log.write("made\\n")
    (folder / "first").write_text("1")
    time.sleep(0.5)
    (folder / "second").write_text("2")

folder = cached_folder("texts", "key", make)
print(sorted(path.name for path in folder.iterdir()))
"""


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache"


def fill(folder):
    (folder / "file").write_text("content")


def visible(root):
    return [path.name for path in (root / "texts").iterdir() if not path.name.endswith(".lock")]


def test_a_folder_is_made_once(root):
    folder = cached_folder("texts", "key", fill)
    assert folder == root / "texts" / "key"
    assert (folder / "file").read_text() == "content"

    def refuse(folder):
        raise AssertionError("made again")

    assert cached_folder("texts", "key", refuse) == folder
    with pytest.raises(AssertionError, match="made again"):
        cached_folder("texts", "another", refuse)


def test_while_it_is_made_it_is_not_there(root):
    seen = []

    def make(folder):
        fill(folder)
        seen.append((root / "texts" / "key").exists())

    cached_folder("texts", "key", make)
    assert seen == [False]


@pytest.mark.parametrize("error", [ValueError, UserError, KeyboardInterrupt])
def test_a_failure_leaves_nothing_and_can_be_repeated(root, error):
    def fail(folder):
        fill(folder)
        raise error("half way")

    with pytest.raises(error, match="half way"):
        cached_folder("texts", "key", fail)
    assert visible(root) == []
    assert (cached_folder("texts", "key", fill) / "file").is_file()
    assert visible(root) == ["key"]


def test_two_processes_make_it_once(tmp_path):
    command = [sys.executable, "-c", SCRIPT]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate(timeout=120)[0] for process in started]
    assert answers == ["['first', 'second']\n"] * 2
    assert (tmp_path / "made.log").read_text() == "made\n"


def test_a_cache_that_cannot_be_written_says_what_to_set(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("RNNLAB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError, match="RNNLAB_CACHE"):
        cached_folder("texts", "key", fill)
