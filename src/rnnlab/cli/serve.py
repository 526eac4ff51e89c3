"""rnnlab serve: a model behind HTTP, with a page to try it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from rnnlab.cli.output import Json, print_json


def serve(
    run: Annotated[Path, typer.Argument(help="Run, its model folder, ensemble, or export.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free one.")] = 8000,
    host: Annotated[
        str, typer.Option(help="Address to listen at; there is no login, so mind who can reach it.")
    ] = "127.0.0.1",
    names: Annotated[
        list[str] | None,
        typer.Option("--name", help="A further name by which clients call it (may be repeated)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Serve a model and a page to try it. Ctrl-C stops, SIGHUP loads the model anew."""
    from rnnlab.cli.output import start_logging
    from rnnlab.serve.limits import Limits
    from rnnlab.serve.server import serve as run_server

    start_logging()

    def announce(address: str) -> None:
        if as_json:
            print_json({"run": str(run), "url": address, "pid": os.getpid()})
        else:
            print(f"serving {run} at {address}   (Ctrl-C stops, SIGHUP loads the model anew)")
        typer.get_text_stream("stdout").flush()

    run_server(run, host=host, port=port, names=names or [], limits=Limits(), announce=announce)
    if not as_json:
        print("stopped")
