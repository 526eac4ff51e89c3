"""Slow clients, many clients, a full queue, another model, and the end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from .helpers import Server, serving, train


@pytest.fixture(scope="module")
def strict(run, tmp_path_factory):
    """A server that has little patience."""
    log = tmp_path_factory.mktemp("strict") / "errors"
    impatient = {"header_seconds": 0.7, "body_seconds": 0.7, "idle_seconds": 1}
    with serving(run, log, **impatient) as server:
        yield server
    assert "Traceback" not in log.read_text()


@pytest.fixture
def crowded(run, tmp_path):
    """A server that has little room."""
    with serving(run, tmp_path / "errors", queue_texts=8, batch_texts=4) as server:
        yield server
    assert "Traceback" not in (tmp_path / "errors").read_text()


def closed_after(raw: socket.socket) -> tuple[float, bytes]:
    """Seconds until the server closes, and what it sent."""
    started, received = time.monotonic(), b""
    raw.settimeout(15)
    try:
        while data := raw.recv(65536):
            received += data
    except ConnectionResetError:
        pass
    return time.monotonic() - started, received


def trickle(raw: socket.socket, part: bytes) -> None:
    """Send parts until the server closes, which must be soon."""
    for _ in range(100):
        try:
            raw.sendall(part)
        except OSError:
            return
        time.sleep(0.1)
    raise AssertionError("after 10 s the connection was still open")


@pytest.mark.parametrize(
    "sent", [b"", b"POST /predict HTTP/1.1\r\nHost: localhost\r\nX-Slow: "], ids=["silent", "half"]
)
def test_a_connection_without_a_request_is_closed(strict, sent):
    with socket.create_connection(("127.0.0.1", strict.port)) as raw:
        raw.sendall(sent)
        seconds, received = closed_after(raw)
    assert seconds < 10
    assert received == b""
    strict.predict("a")


def test_headers_that_trickle(strict):
    with socket.create_connection(("127.0.0.1", strict.port)) as raw:
        raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
        trickle(raw, b"X-Slow: 1\r\n")
    strict.predict("a")


def test_a_body_that_trickles_gets_408(strict):
    with socket.create_connection(("127.0.0.1", strict.port)) as raw:
        raw.sendall(
            b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 1000\r\n\r\n{"
        )
        seconds, received = closed_after(raw)
    assert seconds < 10
    assert received.split()[1] == b"408"
    assert b"took longer than 0.7 s" in received
    strict.predict("a")


def test_an_idle_connection_is_closed_after_its_answer(strict):
    with socket.create_connection(("127.0.0.1", strict.port)) as raw:
        raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        seconds, received = closed_after(raw)
    assert seconds < 10
    assert received.startswith(b"HTTP/1.1 200")


def test_what_follows_a_refusal_may_not_trickle_for_ever(strict):
    with socket.create_connection(("127.0.0.1", strict.port)) as raw:
        raw.sendall(
            b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 90000000\r\n\r\n"
        )
        trickle(raw, b"x")
    strict.predict("a")


async def flood(server: Server, requests: int, texts: list[str]) -> list[tuple[int, bytes, str]]:
    """Send all requests at the same time, each on a connection of its own."""
    ready = asyncio.Event()
    room = asyncio.Semaphore(200)  # connections being made at a time; all are then open

    async def one(number: int) -> tuple[int, bytes, str]:
        body = json.dumps({"text": texts[number % len(texts)]}).encode()
        head = (
            f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
        async with room:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await ready.wait()
        writer.write(head + body)
        await writer.drain()
        answer = await reader.read()
        writer.close()
        header, _, content = answer.partition(b"\r\n\r\n")
        return int(header.split()[1]), content, header.decode().lower()

    tasks = [asyncio.create_task(one(number)) for number in range(requests)]
    await asyncio.sleep(0)
    ready.set()
    return await asyncio.gather(*tasks)


def check_flood(server: Server, requests: int, predictor) -> Counter[int]:
    texts = [f"the film was {word}" + " really" * (n % 40) for n, word in enumerate(WORDS * 5)]
    expected = predictor.predict(texts).probabilities
    answers = asyncio.run(flood(server, requests, texts))
    assert len(answers) == requests
    for number, (status, content, header) in enumerate(answers):
        assert status in (200, 503)
        if status == 503:
            assert "retry-after: " in header
            continue
        (row,) = json.loads(content)["predictions"]
        wanted = expected[number % len(texts)]
        for label, value in zip(predictor.labels, wanted, strict=True):
            assert row["probabilities"][label] == pytest.approx(value, abs=1e-5)
    return Counter(status for status, _, _ in answers)


WORDS = ["great", "awful", "moving", "feeble", "dull", "superb", "not good", "unknownword", ""]


def test_many_requests_at_once(server, predictor):
    counts = check_flood(server, 300, predictor)
    assert counts[200] > 0


@pytest.mark.slow
def test_two_thousand_requests_at_once_and_flat_memory(server, predictor):
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    def memory() -> float:
        text = server.client.get("/metrics").text
        return float(text.split("\nprocess_resident_memory_bytes ")[1].split()[0])

    total: Counter[int] = Counter()
    used = []
    for _ in range(6):
        total += check_flood(server, 2000, predictor)
        used.append(memory())
    print(dict(total), [f"{value / 1e6:.1f} MB" for value in used])
    assert sum(total.values()) == 12_000
    assert used[-1] < used[1] + 20e6


def test_a_full_queue_answers_503_and_says_when_to_come_back(crowded):
    long = "the film was great " * 600
    with ThreadPoolExecutor(40) as pool:
        answers = list(
            pool.map(
                lambda _: httpx.post(
                    f"{crowded.url}/predict", json={"texts": [long] * 2}, timeout=60
                ),
                range(40),
            )
        )
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) <= {200, 503}
    assert statuses[200] > 0
    assert statuses[503] > 0
    for answer in answers:
        if answer.status_code == 503:
            assert int(answer.headers["retry-after"]) >= 1
            assert "too many requests are waiting" in answer.json()["error"]
    too_many = crowded.client.post("/predict", json={"texts": ["a"] * 9})
    assert too_many.status_code == 503


def wait_for(condition) -> None:
    for _ in range(300):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it did not happen within 30 s")


def test_reload_takes_a_good_model_and_leaves_a_damaged_one(run, predictor, tmp_path):
    other = train(
        tmp_path / "other",
        *("compositional-gru", "data.train_size=100", "data.val_size=50", "model.embedding.dim=8"),
        *("model.encoder.hidden=4", "train.epochs=1", "threads=1"),
    )
    served = Path(shutil.copytree(run, tmp_path / "served"))
    text = "the film was great"
    with serving(served, tmp_path / "errors") as server:

        def health() -> dict:
            return server.client.get("/healthz").json()

        before = server.predict(text)
        weights = served / "model" / "weights.safetensors"
        good = weights.read_bytes()
        for number, damage in enumerate((b"", good[:-100], b"\0" * len(good)), 1):
            weights.write_bytes(damage)
            server.process.send_signal(signal.SIGHUP)
            wait_for(lambda number=number: counted(server) == number)
            assert "damaged" in health()["reload_error"]
            assert server.predict(text) == before
        shutil.rmtree(served / "model")
        shutil.copytree(other / "model", served / "model")
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: health()["generation"] == 2)
        assert "reload_error" not in health()
        assert server.predict(text) != before
        stop_while_answering(server)
    log = (tmp_path / "errors").read_text()
    assert log.count("warning: the old model stays") == 3
    assert "Traceback" not in log


def counted(server: Server) -> int:
    text = server.client.get("/metrics").text
    return int(text.split("\nrnnlab_reload_failures_total ")[1].split()[0])


def stop_while_answering(server: Server) -> None:
    """What was sent before SIGTERM came is answered, and the process ends by itself."""
    body = json.dumps({"texts": ["the film was great " * 1500] * 6}).encode()
    kind = b"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: "
    with contextlib.ExitStack() as stack:
        connections = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60))
            for _ in range(16)
        ]
        for raw in connections:  # so that all are taken in
            raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            while not answer.endswith(b"}"):
                answer += raw.recv(65536)
        for raw in connections:
            raw.sendall(b"POST /predict HTTP/1.1\r\n" + kind + b"%d\r\n\r\n" % len(body) + body)
        server.process.send_signal(signal.SIGTERM)
        answers = [closed_after(raw)[1] for raw in connections]
    assert [answer[:12] for answer in answers] == [b"HTTP/1.1 200"] * 16
    assert all(len(json.loads(a.partition(b"\r\n\r\n")[2])["predictions"]) == 6 for a in answers)
    assert server.process.wait(40) == 0
    assert server.process.stdout is not None
    assert server.process.stdout.read() == "stopped\n"
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{server.url}/healthz")


def test_an_export_and_bad_places(run, predictor, tmp_path):
    from rnnlab.export.exporting import export_run

    export_run(run, tmp_path / "onnx", int8=False)
    with serving(tmp_path / "onnx", tmp_path / "errors") as server:
        answer = server.predict("the film was great")[0]["probabilities"]
        expected = predictor.predict(["the film was great"]).probabilities[0]
        assert list(answer.values()) == pytest.approx(list(expected), abs=1e-5)
        assert server.client.get("/examples").json() == {"examples": []}
        refused = server.client.post("/explain", json={"text": "a"})
        assert refused.status_code == 501
