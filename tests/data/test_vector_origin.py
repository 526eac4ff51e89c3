"""What is said of vectors that do not suit a run."""

from __future__ import annotations

import json

import pytest

from rnnlab.data.vector_origin import description_path, misfits

TOLD = {
    "tokenizer": {"name": "words", "lowercase": True},
    "data": {"held_out": {"texts": "a", "rows": "b"}},
}


def said(path, **changes) -> list[str]:
    run = {"tokenizer": TOLD["tokenizer"], "held_out": TOLD["data"]["held_out"]}
    return misfits(path, **{**run, **changes})


def test_what_differs_is_said(tmp_path):
    path = tmp_path / "v.bin.gz"
    description_path(path).write_text(json.dumps(TOLD))
    assert said(path) == []
    assert "another tokenizer" in said(path, tokenizer={"name": "words", "lowercase": False})[0]
    assert "this run validates on" in said(path, held_out={"texts": "a", "rows": "c"})[0]
    assert said(path, held_out={"texts": "b", "rows": "c"}) == []
    assert said(path, held_out=None) == []
    assert len(said(path, tokenizer={}, held_out={"texts": "a", "rows": "c"})) == 2
    description_path(path).write_text(json.dumps({**TOLD, "data": {"file": "t.txt"}}))
    assert said(path, held_out={"texts": "a", "rows": "c"}) == []


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{}", b"\xff", b'{"data": 1}', b"3"])
def test_of_vectors_from_elsewhere_nothing_is_said(tmp_path, content):
    path = tmp_path / "v.bin"
    if content is not None:
        description_path(path).write_bytes(content)
    assert said(path, tokenizer={}) == []
