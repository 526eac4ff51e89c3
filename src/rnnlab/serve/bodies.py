"""What clients send: read within limits, parsed strictly."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.requests import ClientDisconnect, Request

from rnnlab.options import nearest
from rnnlab.serve.limits import Limits
from rnnlab.serve.replies import CLOSE, Refusal

Body = TypeVar("Body", bound="StrictBody")


_HALF = re.compile("[\ud800-\udfff]")


class StrictBody(BaseModel):
    """Fields of exactly these names and types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _whole(text: str) -> str:
    if not text.isascii() and _HALF.search(text):
        raise ValueError("half of a surrogate pair stands alone, which no text can hold")
    return text


Text = Annotated[str, AfterValidator(_whole)]


class PredictBody(StrictBody):
    """One text, or several."""

    text: Annotated[Text | None, Field(description="A single text.")] = None
    texts: Annotated[list[Text] | None, Field(description="Several texts.")] = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.text is None) == (self.texts is None):
            raise ValueError("give either text or texts")
        return self

    @property
    def all(self) -> list[str]:
        """The texts."""
        return [self.text] if self.text is not None else self.texts or []


class ExplainBody(StrictBody):
    """A text, and by which method it is explained."""

    text: Text
    method: Annotated[Text | None, Field(description="By default the model's first.")] = None
    label: Annotated[Text | None, Field(description="By default the predicted one.")] = None


class CompleteBody(StrictBody):
    """The beginning of a text, and how a language model goes on."""

    prompt: Text
    tokens: Annotated[int, Field(ge=1, le=200)] = 40
    count: Annotated[int, Field(ge=1, le=8)] = 3
    temperature: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] = 1.0
    seed: Annotated[int, Field(ge=0, le=2**31)] = 0


async def read_json(request: Request, kind: type[Body], limits: Limits) -> Body:
    """The body of a request.

    Raises:
        Refusal: it is too large or too slow, is no JSON, or has other fields.
    """
    if _media_type(request) != "application/json":
        raise Refusal(415, "send JSON, with the header Content-Type: application/json")
    parts = [part async for part in chunks(request, limits.body_bytes, limits.body_seconds)]
    try:
        value = json.loads(b"".join(parts).decode(), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise Refusal(400, f"the body is not UTF-8 (byte {error.start})") from error
    except RecursionError as error:
        raise Refusal(400, "the body is nested too deeply") from error
    except ValueError as error:
        raise Refusal(400, f"the body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise Refusal(422, f"send an object with the fields {', '.join(kind.model_fields)}")
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise Refusal(422, _explain(error.errors()[0], kind)) from error


async def chunks(request: Request, most_bytes: int, seconds: float) -> AsyncIterator[bytes]:
    """The parts of a body as they arrive.

    Raises:
        Refusal: more than `most_bytes` come, or they take longer than `seconds`.
    """
    announced = request.headers.get("content-length", "0")
    size = int(announced) if announced.isdecimal() else 0
    deadline = asyncio.get_running_loop().time() + seconds
    stream = request.stream()
    received = 0
    while True:
        if max(size, received) > most_bytes:
            raise Refusal(413, f"the body is too large: at most {most_bytes:,} bytes")
        try:
            async with asyncio.timeout_at(deadline):
                part = await anext(stream, None)
        except TimeoutError as error:
            raise Refusal(
                408, f"the body took longer than {seconds:g} s to arrive", CLOSE
            ) from error
        except ClientDisconnect as error:
            raise Refusal(400, "the client went away", CLOSE) from error
        if part is None:
            return
        received += len(part)
        yield part


def media_type_is(request: Request, *allowed: str) -> bool:
    """Whether the body is said to be of one of these types."""
    return _media_type(request) in allowed


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number of JSON")


def _explain(error: Any, kind: type[BaseModel]) -> str:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"unknown field '{place}'{nearest(place, kind.model_fields)}"
    if error["type"] == "missing":
        return f"the field '{place}' is missing"
    if error["type"] == "string_unicode":
        return "a name of a field: half of a surrogate pair stands alone"
    message = error["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
