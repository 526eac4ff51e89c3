"""Runs to serve, and servers in processes of their own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from rnnlab.cli import main

SERVER = """
import json, sys
from pathlib import Path
from rnnlab.cli.output import start_logging
from rnnlab.serve.limits import Limits
from rnnlab.serve.server import serve
start_logging()
path, limits = sys.argv[1:]
serve(Path(path), host="127.0.0.1", port=0, names=[], limits=Limits(**json.loads(limits)),
      announce=lambda address: print(address, flush=True))
print("stopped", flush=True)
"""


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    url: str
    process: subprocess.Popen[str]
    client: httpx.Client

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def predict(self, *texts: str) -> list[dict[str, Any]]:
        answer = self.client.post("/predict", json={"texts": texts})
        assert answer.status_code == 200, answer.text
        return answer.json()["predictions"]


@contextlib.contextmanager
def serving(path: Path, errors: Path, **limits: Any) -> Iterator[Server]:
    """Start a server in a process of its own; it is stopped at the end."""
    command = [sys.executable, "-c", SERVER, str(path), json.dumps(limits)]
    with (
        errors.open("w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:"), errors.read_text()
            with httpx.Client(base_url=url, timeout=60) as client:
                yield Server(url, process, client)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(40)


def train(folder: Path, *arguments: str) -> Path:
    """Train a run and return its directory."""
    with pytest.MonkeyPatch.context() as patch, open(os.devnull, "w") as nothing:  # noqa: PTH123
        patch.setattr(sys, "argv", ["rnnlab", "train", *arguments, "--out", str(folder)])
        with contextlib.redirect_stdout(nothing), pytest.raises(SystemExit) as stopped:
            main()
    assert not stopped.value.code
    return folder
