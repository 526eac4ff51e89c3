"""rnnlab serve: what keeps it from starting is one line."""

from __future__ import annotations

import shutil
import socket

import pytest

from rnnlab.extras import Library


def test_no_model(refused, finished, tmp_path):
    assert "no such run directory" in refused("serve", tmp_path / "absent", "--port", 0)
    run = shutil.copytree(finished.run, tmp_path / "run")
    (run / "model" / "weights.safetensors").write_bytes(b"nothing")
    assert "the model is damaged" in refused("serve", run, "--port", 0)
    shutil.rmtree(run / "model")
    assert "no trained model here" in refused("serve", run, "--port", 0)


def test_a_port_that_is_taken(refused, finished):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        message = refused("serve", finished.run, "--port", port)
    assert f"cannot listen at 127.0.0.1, port {port}" in message
    assert "choose another --port" in message


def test_without_the_library(refused, monkeypatch, finished):
    def missing(self: Library, module: str = "") -> None:
        raise self._missing()

    monkeypatch.setattr(Library, "load", missing)
    assert "pip install 'rnnlab[serve]'" in refused("serve", finished.run)


@pytest.mark.parametrize("port", [-1, 65536, "http"])
def test_what_is_no_port(cli, finished, port):
    result = cli("serve", finished.run, "--port", port)
    assert result.code == 2
    assert "Traceback" not in result.err
