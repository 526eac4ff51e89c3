"""What is computed together."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest

from rnnlab.serve.batching import Batcher
from rnnlab.serve.limits import Limits


class Echo:
    """Answers a request with its texts; fails where one is "bad"."""

    def __init__(self) -> None:
        self.batches: list[list[list[str]]] = []

    def answer(self, requests) -> list[Any]:
        batch = [list(texts) for texts in requests]
        self.batches.append(batch)
        if any("bad" in texts for texts in batch):
            raise ValueError("a bad text")
        return batch


def answered(model: Echo, requests: list[list[str]], **limits: Any) -> list[Future[Any]]:
    """Queue all, then compute."""
    batcher = Batcher(Limits(**limits))
    futures = [batcher.submit(model, texts) for texts in requests]
    batcher.start()
    batcher.stop()
    return futures


def test_a_batch_has_so_many_texts_and_characters():
    model = Echo()
    requests = [["a"], ["b", "c"], ["d"], ["e" * 9], ["f"], ["g" * 50], ["h"] * 5, ["i"]]
    futures = answered(model, requests, batch_texts=3, batch_characters=10)
    assert [future.result() for future in futures] == requests
    assert model.batches == [
        requests[:2],
        requests[2:4],
        *([request] for request in requests[4:]),
    ]


def test_one_request_that_fails_does_not_spoil_the_others(caplog):
    first, second, third = answered(Echo(), [["a"], ["bad"], ["b"]])
    assert (first.result(), third.result()) == (["a"], ["b"])
    with pytest.raises(ValueError, match="a bad text"):
        second.result()
    assert "a request failed" in caplog.text
