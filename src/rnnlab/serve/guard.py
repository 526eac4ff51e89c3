"""What stands before every request: host, origin, headers, counts."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from rnnlab.serve.metrics import Metrics
from rnnlab.serve.replies import Refusal

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]


class Guard:
    """Middleware.

    A page of another site cannot use the server through its reader's browser: neither under
    another name (its Host is refused) nor by a request of its own (its Origin is).

    Args:
        app: what answers.
        direct: by method and path: what answers there instead. The application's routing takes a
            seventh of the time that a request needs outside of the model.
        hosts: names by which the server may be called, without port.
        paths: that are counted by name.
        metrics: where requests are counted.
    """

    def __init__(
        self,
        app: Any,
        direct: Mapping[tuple[str, str], Callable[[Request], Awaitable[Response]]],
        *,
        hosts: Sequence[str],
        paths: Sequence[str],
        metrics: Metrics,
    ) -> None:
        self._app, self._direct = app, direct
        self._hosts, self._paths = frozenset(hosts), frozenset(paths)
        self._metrics = metrics

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        status = 500

        async def guarded(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        try:
            refusal = self._refusal(Headers(scope=scope))
            direct = self._direct.get((scope["method"], scope["path"]))
            if refusal is not None:
                await refusal.reply()(scope, receive, guarded)
            elif direct is not None:
                await (await direct(Request(scope, receive)))(scope, receive, guarded)
            else:
                await self._app(scope, receive, guarded)
        finally:
            path = scope["path"] if scope["path"] in self._paths else "other"
            self._metrics.request(path, status, time.monotonic() - started)

    def _refusal(self, headers: Headers) -> Refusal | None:
        host = headers.get("host", "")
        if _name(f"//{host}") not in self._hosts:
            allowed = ", ".join(sorted(self._hosts))
            return Refusal(400, f"wrong Host; this server is called {allowed}")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return Refusal(403, "requests from pages of other sites are refused")
        return None


def _name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
