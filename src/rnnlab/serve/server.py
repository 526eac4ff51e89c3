"""Run the server until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rnnlab.environment import keep_threads_awake
from rnnlab.exceptions import UserError
from rnnlab.extras import Library
from rnnlab.serve.limits import Limits

_BACKLOG = 4096
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(
    path: Path,
    *,
    host: str,
    port: int,
    names: list[str],
    limits: Limits,
    announce: Callable[[str], None],
) -> None:
    """Serve a model; returns when SIGTERM or Ctrl-C came and what was under way is answered.

    SIGHUP loads the model anew.

    Args:
        path: of a run, model folder, ensemble or export.
        host, port: to listen at; port 0 takes any.
        names: further ones by which clients may call it.
        limits: on requests.
        announce: called with the address once clients can come.

    Raises:
        UserError: there is no model, the address is taken, or a library is missing.
    """
    keep_threads_awake()
    for name in ("fastapi", "uvicorn"):
        Library(name, extra="serve").load()
    import uvicorn

    from rnnlab.serve.app import create_app
    from rnnlab.serve.connections import protocol
    from rnnlab.serve.loading import Holder

    _raise_descriptors()
    listening = _listen(host, port)
    try:
        holder = Holder(path, limits)
    except BaseException:
        listening.close()
        raise
    hosts = sorted({*_LOOPBACK, *names} if host in _LOOPBACK else {host, *names})
    config = uvicorn.Config(
        create_app(holder, limits, hosts),
        http=protocol(limits),
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=int(limits.idle_seconds),
        timeout_graceful_shutdown=int(limits.stop_seconds),
    )
    address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
    asyncio.run(_run(uvicorn.Server(config), listening, holder, lambda: announce(address)))


async def _run(server: Any, listening: socket.socket, holder: Any, announce: Any) -> None:
    loop = asyncio.get_running_loop()
    if hasattr(signal, "SIGHUP"):
        loop.add_signal_handler(signal.SIGHUP, loop.run_in_executor, None, holder.reload)
    handlers = {each: signal.signal(each, _nothing) for each in (signal.SIGTERM, signal.SIGINT)}
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        while not server.started and not task.done():
            await asyncio.sleep(0.01)
        if not task.done():
            announce()
        await task
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)


def _nothing(number: int, frame: Any) -> None:
    """uvicorn raises the signal that stopped it once more; by then all is done."""


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # with its protocol named: only then does asyncio turn Nagle's delay of 40 ms off
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"cannot listen at {host}, port {port}: {reason}; choose another --port"
        ) from error
    listening.setblocking(False)
    return listening


def _raise_descriptors() -> None:
    """Every connection takes a descriptor: allow as many as the system does."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
