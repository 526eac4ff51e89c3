"""What serving costs: `python benchmarks/serving.py` on an idle machine (about three minutes).

One review of 200 tokens, a BiLSTM 2x128 over 25,000 words, warm. The bare model is the forward pass
on token numbers that are there already; the server is asked over one kept connection, so that it
also parses, tokenizes, queues and answers. It is asked through a plain socket, and through httpx,
whose own work is then in the figure too. Bulk: a CSV of reviews of 20 to 400 tokens through
/table beside the bare model on the same texts, tokenized already. Torch (the run) and ONNX Runtime
(its export), each in a server of its own; the weights are random, which costs the same.
"""

from __future__ import annotations

import csv
import io
import json
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import torch

from rnnlab.data.ragged import Ragged
from rnnlab.data.reader import TextReader
from rnnlab.data.tokenizers import words as tokenizer
from rnnlab.data.vocabulary import SPECIAL, Vocabulary
from rnnlab.environment import available_cores, use_threads
from rnnlab.export.forms import graph_of
from rnnlab.export.predictor import (
    FACTS,
    FORMAT,
    GRAPH,
    WORDS,
    ExportedPredictor,
    reading_versions,
)
from rnnlab.files import sha256_file, write_bytes, write_json
from rnnlab.model_folder import reader_settings
from rnnlab.models.kinds import neural
from rnnlab.predictor import Network, Predictor
from rnnlab.registry import MODELS, TOKENIZERS, Component
from rnnlab.tasks.classification import Classification

VOCABULARY, TOKENS, WARM, REPEATS, ROWS = 25_000, 200, 20, 300, 1000


def predictor() -> Predictor:
    """A BiLSTM 2x128 with random weights."""
    options = neural.Options.model_validate(
        {
            "embedding": {"dim": 100},
            "encoder": {"cell": "lstm", "hidden": 128, "layers": 2, "bidirectional": True},
            "pooling": ["mean", "max"],
        }
    )
    torch.manual_seed(0)
    model = neural.build(options, vocabulary_size=VOCABULARY, num_classes=2).requires_grad_(False)
    vocabulary = Vocabulary((*SPECIAL, *(f"w{n}" for n in range(VOCABULARY - len(SPECIAL)))))
    words = Component(TOKENIZERS, "words", tokenizer.Options())
    reader = TextReader(words, vocabulary, None, "head")
    kind = Component(MODELS, "neural", options)
    return Predictor(kind, Network(model, Classification()), reader, ("negative", "positive"))


def save(own: Predictor, folder: Path) -> tuple[Path, Path]:
    """The model folder and its export."""
    own.save(folder / "model")
    export = folder / "onnx"
    write_bytes(export / GRAPH, graph_of(own, {}))
    write_json(export / WORDS, own.reader.vocabulary.words)
    facts = {
        "format": FORMAT,
        "labels": own.labels,
        "text_column": own.text_column,
        **reader_settings(own.reader),
        "versions": reading_versions(own.reader.tokenizer),
        "files": {name: sha256_file(export / name) for name in (GRAPH, WORDS)},
    }
    write_json(export / FACTS, facts)
    return folder / "model", export


def texts(lengths: list[int]) -> list[str]:
    """Reviews of known words."""
    chance = np.random.default_rng(1)
    limit = VOCABULARY - len(SPECIAL)
    return [" ".join(f"w{n}" for n in chance.integers(0, limit, length)) for length in lengths]


@contextmanager
def serving(path: Path) -> Iterator[httpx.Client]:
    """A server in a process of its own."""
    command = [sys.executable, "-m", "rnnlab", "serve", str(path), "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = []
        while not lines or lines[-1] != "}\n":
            lines.append(process.stdout.readline())
        with httpx.Client(base_url=json.loads("".join(lines))["url"], timeout=600) as client:
            yield client
        process.send_signal(signal.SIGTERM)


@contextmanager
def connection(url: httpx.URL) -> Iterator[Callable[[str, bytes], bytes]]:
    """A function that posts JSON to a path over one plain socket, and returns the answer's body."""
    with socket.create_connection((url.host, url.port)) as raw:

        def post(path: str, body: bytes) -> bytes:
            head = (
                f"POST {path} HTTP/1.1\r\nHost: {url.host}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            raw.sendall(head.encode() + body)
            answer = raw.recv(1 << 16)
            while b"\r\n\r\n" not in answer:
                answer += raw.recv(1 << 16)
            headers, _, content = answer.partition(b"\r\n\r\n")
            assert headers.startswith(b"HTTP/1.1 200 "), headers
            length = int(headers.lower().partition(b"content-length: ")[2].split()[0])
            while len(content) < length:
                content += raw.recv(1 << 16)
            return content

        yield post


def milliseconds(work: Callable[[], Any]) -> tuple[float, float]:
    """p50 and p95 of a piece of work, warm."""
    for _ in range(WARM):
        work()
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    cuts = statistics.quantiles(seconds, n=20)
    return 1e3 * statistics.median(seconds), 1e3 * cuts[-1]


def rate(count: int, work: Callable[[], Any]) -> float:
    """Texts a second, the best of three."""
    best = 0.0
    for _ in range(3):
        started = time.perf_counter()
        work()
        best = max(best, count / (time.perf_counter() - started))
    return best


def measure(name: str, bare: Any, path: Path, reader: TextReader) -> None:
    """Print rows: the bare model and the server, with p50 and p95 as multiples of the bare ones."""
    (text,) = texts([TOKENS])
    one: Ragged = reader.read([text]).ragged
    lengths = np.random.default_rng(2).integers(20, 400, ROWS).tolist()
    many = texts(lengths)
    all_read = reader.read(many).ragged
    table = io.StringIO()
    csv.writer(table).writerows([["text"], *([row] for row in many)])
    data, headers = table.getvalue().encode(), {"content-type": "text/csv"}
    model = milliseconds(lambda: bare.probabilities(one))
    bulk = rate(ROWS, lambda: bare.probabilities(all_read))
    body = json.dumps({"text": text}).encode()
    with serving(path) as client:
        with connection(client.base_url) as post:
            served = milliseconds(lambda: json.loads(post("/predict", body)))
        through = milliseconds(lambda: client.post("/predict", json={"text": text}).json())
        scored = rate(ROWS, lambda: client.post("/table", content=data, headers=headers).text)
    for title, times in (("bare", model), ("server", served), ("server, by httpx", through)):
        ratios = " ".join(f"{a / b:.2f} x" for a, b in zip(times, model, strict=True))
        print(f"{name:13} {title:17} {times[0]:6.2f} / {times[1]:6.2f} ms   {ratios}")
    print(f"{name:13} bulk: bare {bulk:.0f}, server {scored:.0f} texts/s ({scored / bulk:.0%})")


def main() -> None:
    """Measure torch and ONNX Runtime."""
    use_threads(available_cores())
    own = predictor()
    print(f"{TOKENS} tokens, BiLSTM 2x128, {available_cores()} cores; p50 / p95 of {REPEATS}")
    with tempfile.TemporaryDirectory() as folder:
        model, export = save(own, Path(folder))
        measure("torch", own.fitted, model, own.reader)
        exported = ExportedPredictor.load(export)
        measure("ONNX Runtime", exported.fitted, export, exported.reader)


if __name__ == "__main__":
    main()
