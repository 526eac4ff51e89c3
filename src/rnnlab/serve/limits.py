"""What a server takes in before it says no."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds on requests, waiting and connections.

    Attributes:
        body_bytes: of a JSON request.
        table_bytes: of an uploaded table.
        texts: in a request.
        tokens: that the model reads of a request's texts, all together.
        explained_tokens: of a text that is explained.
        queue_texts: waiting, of all requests; with more, a request gets 503.
        batch_texts: that are computed together.
        batch_characters: of those texts, unless a request alone has more.
        linger_seconds: for which a batch waits for more, while requests come in together.
        answer_seconds: from a request's arrival in the queue to its answer.
        body_seconds: for a JSON request's body to arrive.
        table_seconds: for an uploaded table to arrive.
        header_seconds: for a connection to send a request.
        idle_seconds: between the requests of a connection.
        stalled_seconds: for which a client may leave its answer unread.
        stop_seconds: for answers that are under way when the server is stopped.
        tables: scored at a time.
    """

    body_bytes: int = 1 << 20
    table_bytes: int = 64 << 20
    texts: int = 256
    tokens: int = 50_000
    explained_tokens: int = 500
    queue_texts: int = 1024
    batch_texts: int = 256
    batch_characters: int = 1 << 18
    linger_seconds: float = 0.002
    answer_seconds: float = 30.0
    body_seconds: float = 10.0
    table_seconds: float = 120.0
    header_seconds: float = 10.0
    idle_seconds: float = 15.0
    stalled_seconds: float = 30.0
    stop_seconds: float = 30.0
    tables: int = 2
