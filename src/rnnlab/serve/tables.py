"""An uploaded CSV, and the same with the model's columns, as it is computed."""

from __future__ import annotations

import asyncio
import io
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import StreamingResponse

from rnnlab.data._table_csv import CsvWriter
from rnnlab.data.tables import Chunk, TableReader, open_table
from rnnlab.exceptions import UserError
from rnnlab.labelling import LabelledColumns
from rnnlab.serve.batching import Batcher, Overloaded
from rnnlab.serve.bodies import chunks, media_type_is
from rnnlab.serve.classifier import ServedClassifier
from rnnlab.serve.limits import Limits
from rnnlab.serve.replies import Refusal

_ROWS = 512
_RETRY_SECONDS = 0.05
_NAME = "upload.csv"


class Upload:
    """A table that was sent, on disk until `remove`.

    Attributes:
        table: it, read through once without an error.
        rows: how many it has.
        column: of the texts.
    """

    def __init__(self, folder: Path, table: TableReader, rows: int, column: str) -> None:
        self._folder, self.table, self.rows, self.column = folder, table, rows, column

    @staticmethod
    async def receive(
        request: Request, model: ServedClassifier, column: str | None, limits: Limits
    ) -> Upload:
        """Store the body of a request, and check all of it.

        Raises:
            Refusal: it is too large or too slow, no CSV, or has no such column.
        """
        if not media_type_is(request, "text/csv"):
            raise Refusal(415, "send a CSV, with the header Content-Type: text/csv")
        folder = Path(tempfile.mkdtemp(prefix="rnnlab-serve-"))
        try:
            path = folder / _NAME
            with path.open("wb") as file:
                async for part in chunks(request, limits.table_bytes, limits.table_seconds):
                    file.write(part)
            return await asyncio.to_thread(_checked, folder, path, model, column)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def remove(self) -> None:
        """Delete it."""
        shutil.rmtree(self._folder, ignore_errors=True)

    async def scored(self, model: ServedClassifier, batcher: Batcher) -> AsyncIterator[bytes]:
        """The table with the model's columns, in parts; while one is sent the next is computed, and
        the one after is read."""
        columns = LabelledColumns(self.table, model.labels)
        text = io.StringIO(newline="")
        writer = CsvWriter(text, columns.names, ",")
        parts = self.table.chunks(_ROWS)
        computing: tuple[Chunk, asyncio.Task[Any]] | None = None
        try:
            while True:
                part = await asyncio.to_thread(next, parts, None)
                before = computing
                result: Any = None if before is None else await before[1]
                computing = None
                if part is not None:
                    work = _probabilities(part.texts(self.column), model, batcher)
                    computing = part, asyncio.create_task(work)
                if before is not None:
                    writer.write(columns.of(before[0], result))
                    yield text.getvalue().encode()
                    text.seek(0)
                    text.truncate()
                if computing is None:
                    return
        finally:
            if computing is not None:
                computing[1].cancel()


class TableResponse(StreamingResponse):
    """An upload, scored as it is sent, and gone when that ends, however it ends.

    Args:
        upload: the table.
        model: what scores it.
        batcher: where it is computed.
        done: called at the end.
    """

    def __init__(
        self, upload: Upload, model: ServedClassifier, batcher: Batcher, done: Callable[[], None]
    ) -> None:
        self._upload, self._done = upload, done
        self._parts: Any = upload.scored(model, batcher)
        headers = {"x-rows": str(upload.rows)}
        super().__init__(self._parts, media_type="text/csv; charset=utf-8", headers=headers)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._parts.aclose()
            self._upload.remove()
            self._done()


async def _probabilities(texts: list[str], model: ServedClassifier, batcher: Batcher) -> Any:
    """float32[n, classes], computed in pieces, between which other requests are answered."""
    found = np.empty((len(texts), len(model.labels)), np.float32)
    for piece in await _computed(lambda: model.pieces(texts), batcher):
        found[piece.rows] = await _computed(piece.probabilities, batcher)
    return found


async def _computed(work: Callable[[], Any], batcher: Batcher) -> Any:
    """What a piece of work gives; where the queue is full this waits, since the sender can."""
    while True:
        try:
            future = batcher.call(work)
        except Overloaded:
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return await asyncio.wrap_future(future)


def _checked(folder: Path, path: Path, model: ServedClassifier, column: str | None) -> Upload:
    columns: list[str] = []
    try:
        table = open_table(path)
        columns = table.columns
        chosen = column or (
            columns[0]
            if len(columns) == 1 and model.predictor.text_column not in columns
            else model.predictor.text_column
        )
        table.require(chosen, "the column")
        rows = 0
        for chunk in table.chunks(columns=[chosen]):
            chunk.texts(chosen)
            rows += len(chunk)
        return Upload(folder, table, rows, chosen)
    except UserError as error:
        message = str(error).replace(str(path), "the table")
        raise Refusal(422, message, columns=columns) from error
