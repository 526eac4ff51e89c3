"""What the server answers, and what it refuses; after each refusal it goes on."""

from __future__ import annotations

import csv
import io
import json
import socket

import httpx
import numpy as np
import pytest

from rnnlab.ensemble import EnsemblePredictor
from rnnlab.serve.classifier import ServedClassifier
from rnnlab.serve.limits import Limits

TEXTS = ["the film was great", "", "few people agree that the pacing was awful", "zebra"]


@pytest.fixture(autouse=True)
def goes_on(server):
    """After every test the server answers as before."""
    yield
    assert server.client.get("/healthz").json()["status"] == "ok"


def test_one_text_and_several_as_the_model_itself(server, predictor):
    expected = predictor.predict(TEXTS).probabilities
    several = server.predict(*TEXTS)
    alone = server.client.post("/predict", json={"text": TEXTS[2]}).json()
    assert alone["predictions"][0]["probabilities"] == pytest.approx(
        several[2]["probabilities"], abs=1e-5
    )
    for row, answer in zip(expected, several, strict=True):
        given = [answer["probabilities"][label] for label in predictor.labels]
        np.testing.assert_allclose(given, row, rtol=0, atol=1e-5)
        assert answer["label"] == predictor.labels[row.argmax()]
        assert answer["probability"] == max(given)
    facts = server.client.post("/predict", json={"texts": TEXTS}).json()
    assert facts["texts"] == 4
    assert facts["texts_empty"] == 1
    assert 0 < facts["coverage"] < 1


def test_unicode_of_every_kind(server):
    texts = ["naïve 😀", "\u0000 nul", "\u202eright to left", "é" * 1000, "\n\r\t"]
    assert len(server.predict(*texts)) == len(texts)


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"{", 400, "the body is not JSON"),
        (b'{"text": NaN}', 400, "NaN is not a number of JSON"),
        (b'{"text": Infinity}', 400, "Infinity is not a number of JSON"),
        (b'{"text": "\xff"}', 400, "not UTF-8"),
        (b"[" * 100_000, 400, "nested too deeply"),
        (b'["a"]', 422, "send an object"),
        (b"{}", 422, "give either text or texts"),
        (b'{"text": "a", "texts": ["a"]}', 422, "give either text or texts"),
        (b'{"txet": "a"}', 422, "unknown field 'txet'; did you mean 'text'?"),
        (b'{"text": "a", "mode": 1}', 422, "unknown field 'mode'"),
        (b'{"\\ud800": 1}', 422, "a name of a field: half of a surrogate pair"),
        (b'{"text": 3}', 422, "text: Input should be a valid string"),
        (b'{"texts": ["a", null]}', 422, "texts.1: Input should be a valid string"),
        (b'{"text": "\\ud83d"}', 422, "text: half of a surrogate pair stands alone"),
        (b'{"texts": ["a", "\\udc00b"]}', 422, "texts.1: half of a surrogate pair"),
        (b'{"texts": []}', 422, "give 1 to 256"),
        (json.dumps({"texts": ["a"] * 257}).encode(), 422, "give 1 to 256, not 257"),
        (json.dumps({"text": "the " * 60_000}).encode(), 413, "at most 50,000 are answered"),
        (b" " * (1 << 20) + b"{}", 413, "the body is too large: at most 1,048,576 bytes"),
        (b"x" * 20_000_000, 413, "the body is too large"),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else None,
)
def test_bodies_that_are_refused(server, body, status, message):
    headers = {"content-type": "application/json"}
    answer = server.client.post("/predict", content=body, headers=headers)
    assert answer.status_code == status
    assert message in answer.json()["error"]


def test_a_large_body_of_unknown_length(server):
    answer = server.client.post(
        "/predict",
        content=(b"x" * 100_000 for _ in range(200)),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 413


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_content_type(server, kind):
    headers = {"content-type": kind}
    answer = server.client.post("/predict", content=b'{"text": "a"}', headers=headers)
    assert answer.status_code == 415
    assert "Content-Type: application/json" in answer.json()["error"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[", "a:b:c"])
def test_a_wrong_host(server, host):
    answer = server.client.get("/healthz", headers={"host": host})
    assert answer.status_code == 400
    assert "wrong Host" in answer.json()["error"]


@pytest.mark.parametrize("host", ["localhost", "localhost:1234", "127.0.0.1", "[::1]:80"])
def test_a_right_host(server, host):
    assert server.client.get("/healthz", headers={"host": host}).status_code == 200


def test_pages_of_other_sites(server):
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
        answer = server.client.post("/predict", json={"text": "a"}, headers={"origin": origin})
        assert answer.status_code == 403
    own = server.client.post("/predict", json={"text": "a"}, headers={"origin": server.url})
    assert own.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/absent", 404), ("GET", "/predict", 405), ("DELETE", "/healthz", 405)],
)
def test_what_is_not_there(server, method, path, status):
    answer = server.client.request(method, path)
    assert answer.status_code == status
    assert answer.json()["error"]


@pytest.mark.parametrize(
    "path", ["/../../etc/passwd", "/%2e%2e/app.py", "/..%2fapp.py", "//app.py"]
)
def test_no_file_beside_the_page(server, path):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert answer.split()[1] == b"404"


def test_what_is_no_http(server):
    for data in (b"\x16\x03\x01\x00\xa5\x01\x00", b"GET / HTTP/9\r\n\r\n", b"\r\n\r\n\0\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
            raw.sendall(data)
            assert raw.recv(65536).split()[1] == b"400"


def test_headers_that_keep_a_page_to_itself(server):
    for path in ("/", "/page.js", "/page.css", "/healthz", "/absent"):
        answer = server.client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_page_asks_nothing_of_others(server):
    for path in ("/", "/page.js", "/page.css", "/icon.svg"):
        text = server.client.get(path).text.replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text
        assert "https://" not in text
        assert "innerHTML" not in text


def test_metrics(server):
    before = counts(server)
    server.predict("a", "b")
    server.client.post("/predict", json={"no": "a"})
    after = counts(server)
    for labels, number in (
        ('path="/predict",status="200"', 1),
        ('path="/predict",status="422"', 1),
    ):
        name = f"rnnlab_requests_total{{{labels}}}"
        assert after[name] == before.get(name, 0) + number
    assert after["rnnlab_batch_texts_sum"] == before.get("rnnlab_batch_texts_sum", 0) + 2
    assert after["rnnlab_queued_texts"] == 0
    assert after["process_resident_memory_bytes"] > 1e7
    buckets = [
        v for k, v in after.items() if k.startswith('rnnlab_request_seconds_bucket{path="/p')
    ]
    assert buckets == sorted(buckets)
    assert buckets[-1] == after['rnnlab_request_seconds_count{path="/predict"}']


def counts(server) -> dict[str, float]:
    answer = server.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_openapi_names_every_path_and_field(server):
    document = server.client.get("/openapi.json").json()
    assert {"/predict", "/explain", "/complete", "/table", "/healthz", "/metrics"} <= set(
        document["paths"]
    )
    body = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    assert set(body["schema"]["properties"]) == {"text", "texts"}
    for path in ("/docs", "/redoc"):
        assert server.client.get(path).status_code == 404


def test_sample_errors_are_errors(server, predictor):
    examples = server.client.get("/examples").json()["examples"]
    assert 1 <= len(examples) <= 12
    assert all(example["label"] != example["predicted"] for example in examples)
    given = server.predict(*(example["text"] for example in examples))
    assert [row["label"] for row in given] == [example["predicted"] for example in examples]
    sure = [example["probability"] for example in examples]
    assert sure == sorted(sure, reverse=True)


def send_table(server, data: bytes, column: str | None = None) -> httpx.Response:
    params = {} if column is None else {"column": column}
    headers = {"content-type": "text/csv"}
    return server.client.post("/table", content=data, params=params, headers=headers)


def test_a_table_comes_back_labelled_in_its_order(server, predictor):
    texts = [f'the film was "great", {number}\nand long' for number in range(300)]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows([["id", "text", "label"], *([i, t, "=1+1"] for i, t in enumerate(texts))])
    answer = send_table(server, out.getvalue().encode())
    assert answer.status_code == 200
    assert answer.headers["x-rows"] == "300"
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [row["id"] for row in rows] == [str(i) for i in range(300)]
    assert [row["text"] for row in rows] == texts
    assert {row["input_label"] for row in rows} == {"=1+1"}
    given = np.array([[float(row[f"p_{label}"]) for label in predictor.labels] for row in rows])
    np.testing.assert_allclose(given, predictor.predict(texts).probabilities, rtol=0, atol=1e-5)


def test_pieces_of_a_table_are_all_of_it(run, predictor):
    texts = [f"the film was {'really ' * (n % 7)}great" for n in range(300)]
    expected = predictor.predict(texts).probabilities
    for model in (predictor, EnsemblePredictor((predictor, predictor), (0.5, 0.5))):
        pieces = ServedClassifier(run, model, Limits()).pieces(texts)
        rows = np.concatenate([piece.rows for piece in pieces])
        given = np.concatenate([piece.probabilities() for piece in pieces])
        assert sorted(rows) == list(range(300))
        np.testing.assert_allclose(given, expected[rows], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the table is empty"),
        (b"review\na\n", ""),
        (b"id,review\n1,a\n", "no column 'text' among 'id', 'review'"),
        (b"text,id\na\n", "the table, line 2: 1 fields instead of 2"),
        (b"text\n\xff\n", "the table, line 2: byte 0xff is not UTF-8"),
        (b'text,id\n"a,1\n', "a quote opens here and never closes"),
        (b"text,id\n", "no rows"),
    ],
)
def test_tables_that_are_refused(server, data, message):
    answer = send_table(server, data)
    if not message:  # a single column needs no name
        assert answer.status_code == 200
        return
    assert answer.status_code == 422
    assert message in answer.json()["error"]
    assert "/tmp" not in answer.json()["error"]


def test_a_column_may_be_named(server):
    data = b"id,review\n1,a\n2,b\n"
    assert send_table(server, data, "review").text.count("\n") == 3
    refused = send_table(server, data, "reveiw").json()
    assert "did you mean 'review'?" in refused["error"]
    assert refused["columns"] == ["id", "review"]
