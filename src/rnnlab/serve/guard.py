"""What stands before every request: host, origin, headers, counts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders

from rnnlab.serve.metrics import Metrics
from rnnlab.serve.replies import Refusal

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """Middleware.

    A page of another site cannot use the server through its reader's browser: neither under
    another name (its Host is refused) nor by a request of its own (its Origin is).

    Args:
        app: what answers.
        hosts: names by which the server may be called, without port.
        paths: that are counted by name.
        metrics: where requests are counted.
    """

    def __init__(
        self, app: Any, *, hosts: Sequence[str], paths: Sequence[str], metrics: Metrics
    ) -> None:
        self._app, self._hosts, self._paths = app, frozenset(hosts), frozenset(paths)
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
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
            await send(message)

        try:
            refusal = self._refusal(Headers(scope=scope))
            app = self._app if refusal is None else refusal.reply()
            await app(scope, receive, guarded)
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
