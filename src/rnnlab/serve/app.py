"""The application: what is answered at which path."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, PlainTextResponse, Response

import rnnlab
from rnnlab.serve.batching import Batcher, Overloaded
from rnnlab.serve.bodies import CompleteBody, ExplainBody, PredictBody, read_json
from rnnlab.serve.classifier import ServedClassifier, as_json
from rnnlab.serve.guard import Guard
from rnnlab.serve.limits import Limits
from rnnlab.serve.loading import Holder
from rnnlab.serve.metrics import Metrics
from rnnlab.serve.replies import Refusal, reply
from rnnlab.serve.tables import TableResponse, Upload
from rnnlab.serve.writer import ServedWriter

PAGE = Path(__file__).parent / "page"
_PATHS = (
    *("/", "/predict", "/explain", "/complete", "/table", "/model", "/examples"),
    *("/healthz", "/metrics", "/openapi.json"),
)


def create_app(holder: Holder, limits: Limits, hosts: Sequence[str]) -> Guard:
    """Build the application.

    Args:
        holder: the model.
        limits: on requests.
        hosts: names by which the server may be called.
    """
    metrics = Metrics()
    batcher = Batcher(limits, metrics.batch)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        batcher.start()
        yield
        await asyncio.to_thread(batcher.stop)

    app = FastAPI(
        title="rnnlab serve",
        version=rnnlab.__version__,
        docs_url=None,  # FastAPI's pages load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(HTTPException, _not_served)
    _add_model(app, holder, batcher, limits)
    _add_watching(app, holder, batcher, metrics)
    _add_page(app)
    return Guard(app, hosts=hosts, paths=_PATHS, metrics=metrics)


def _add_model(app: FastAPI, holder: Holder, batcher: Batcher, limits: Limits) -> None:
    tables = asyncio.Semaphore(limits.tables)

    @app.post("/predict", openapi_extra=_body(PredictBody), summary="Label one text or several")
    async def predict(request: Request) -> Response:
        texts = (await read_json(request, PredictBody, limits)).all
        if not 1 <= len(texts) <= limits.texts:
            raise Refusal(422, f"texts: give 1 to {limits.texts}, not {len(texts)}")
        model = holder.model
        result = await _answered(lambda: batcher.submit(model, texts), limits)
        return reply(as_json(result, model.labels))

    @app.post("/explain", openapi_extra=_body(ExplainBody), summary="What each word contributes")
    async def explain(request: Request) -> Response:
        body = await read_json(request, ExplainBody, limits)
        model = holder.model
        work = lambda: model.explain(body.text, body.method, body.label)  # noqa: E731
        return reply(await _answered(lambda: batcher.call(work), limits))

    @app.post("/complete", openapi_extra=_body(CompleteBody), summary="Go on with a text")
    async def complete(request: Request) -> Response:
        body = await read_json(request, CompleteBody, limits)
        model = holder.model
        if not isinstance(model, ServedWriter):
            raise Refusal(501, "a classifier writes nothing; POST /predict labels texts")
        return reply(await _answered(lambda: batcher.call(lambda: model.complete(body)), limits))

    @app.post("/table", openapi_extra=_TABLE, summary="A CSV with the model's columns")
    async def table(request: Request, column: str | None = None) -> Response:
        model = holder.model
        if not isinstance(model, ServedClassifier):
            raise Refusal(501, "a language model has no labels for a table")
        if tables.locked():
            raise _overloaded(Overloaded(5))
        await tables.acquire()
        try:
            upload = await Upload.receive(request, model, column, limits)
        except BaseException:
            tables.release()
            raise

        return TableResponse(upload, model, batcher, tables.release)

    @app.get("/model", summary="What is served")
    async def model() -> Response:
        return reply({**holder.model.describe(), "generation": holder.generation})

    @app.get("/examples", summary="Validation texts that the model labels wrongly")
    async def examples() -> Response:
        return reply({"examples": await asyncio.to_thread(holder.model.examples)})


def _add_page(app: FastAPI) -> None:
    for file in PAGE.iterdir():
        path = "/" if file.name == "index.html" else f"/{file.name}"
        app.add_route(path, _file(file), include_in_schema=False)


def _file(path: Path) -> Callable[[Request], Awaitable[Response]]:
    async def send(request: Request) -> Response:
        return FileResponse(path)

    return send


def _add_watching(app: FastAPI, holder: Holder, batcher: Batcher, metrics: Metrics) -> None:
    @app.get("/healthz", summary="Whether it answers, and with which model")
    async def healthz() -> Response:
        facts: dict[str, Any] = {
            "status": "ok",
            "model": holder.path.resolve().name,
            "generation": holder.generation,
            "queued": batcher.queued,
        }
        if holder.failure is not None:
            facts["reload_error"] = holder.failure
        return reply(facts)

    @app.get("/metrics", summary="Counts, as Prometheus reads them")
    async def counts() -> Response:
        gauges = {
            "rnnlab_queued_texts": ("gauge", "Texts that wait.", float(batcher.queued)),
            "rnnlab_model_generation": ("gauge", "Models loaded.", float(holder.generation)),
            "rnnlab_reload_failures_total": (
                *("counter", "Models that could not be loaded."),
                float(holder.failures),
            ),
        }
        return PlainTextResponse(metrics.render(gauges), media_type="text/plain; version=0.0.4")


async def _answered(submit: Callable[[], Future[Any]], limits: Limits) -> Any:
    """The result of queued work.

    Raises:
        Refusal: there is no room, or it took too long.
    """
    try:
        future = asyncio.wrap_future(submit())
        return await asyncio.wait_for(future, limits.answer_seconds)
    except Overloaded as error:
        raise _overloaded(error) from error
    except TimeoutError as error:
        raise Refusal(
            503, f"no answer within {limits.answer_seconds:g} s; try again", {"retry-after": "5"}
        ) from error


def _overloaded(error: Overloaded) -> Refusal:
    return Refusal(503, str(error), {"retry-after": str(error.retry_seconds)})


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return error.reply()


async def _not_served(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return reply({"error": str(error.detail)}, error.status_code, error.headers)


def _body(kind: Any) -> dict[str, Any]:
    schema = kind.model_json_schema()
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


_TABLE = {
    "requestBody": {
        "required": True,
        "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}},
    }
}
