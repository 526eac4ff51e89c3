"""Connections that close when a client keeps the server waiting."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from rnnlab.serve.limits import Limits

_LAST_READ_SECONDS = 0.05


def protocol(limits: Limits) -> type[H11Protocol]:
    """uvicorn's protocol with three clocks that it lacks: until a request has come whole in its
    headers, until what follows an early answer has come, and while a client leaves its answer
    unread. What is slow within a body is `rnnlab.serve.bodies`' to notice. When the server stops,
    a connection is read once more before it is closed, so that what was sent is answered."""

    class GuardedProtocol(H11Protocol):
        _waiting: asyncio.TimerHandle | None = None
        _stalled: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._wait(limits.header_seconds)

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._wait(limits.idle_seconds)

        def shutdown(self) -> None:
            waits = self.cycle is None or self.cycle.response_complete
            if not waits:
                super().shutdown()
            else:  # a request may have come that is not read yet
                self.loop.call_later(_LAST_READ_SECONDS, self._shut)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._stalled = self.loop.call_later(limits.stalled_seconds, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            self._cancel(self._stalled)

        def connection_lost(self, exc: Exception | None) -> None:
            self._cancel(self._waiting)
            self._cancel(self._stalled)
            super().connection_lost(exc)

        def _shut(self) -> None:
            if not self.transport.is_closing():
                super().shutdown()

        def _wait(self, seconds: float) -> None:
            self._cancel(self._waiting)
            self._waiting = self.loop.call_later(seconds, self._expire)

        def _expire(self) -> None:
            busy: Any = self.cycle is not None and not self.cycle.response_complete
            if not busy:
                self.transport.abort()

        @staticmethod
        def _cancel(timer: asyncio.TimerHandle | None) -> None:
            if timer is not None:
                timer.cancel()

    return GuardedProtocol
