"""Answers as JSON, and refusals that say why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response


class Refusal(Exception):
    """A request that is not answered.

    Args:
        status: of HTTP.
        message: what is wrong, and what would be right.
        headers: of the answer.
        facts: that stand beside the message.
    """

    def __init__(
        self, status: int, message: str, headers: Mapping[str, str] | None = None, **facts: Any
    ) -> None:
        super().__init__(message)
        self.status, self.headers, self.facts = status, headers, facts

    def reply(self) -> Response:
        """The answer: `error`, and the facts."""
        return reply({"error": str(self), **self.facts}, self.status, self.headers)


def reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON in ASCII, so that whatever a client sent can be sent back; NaN is never written."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False)
    return Response(text, status, headers, media_type="application/json")


CLOSE = {"connection": "close"}
