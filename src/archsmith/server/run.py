"""The process of a server: models are loaded, the port opens, folders are watched, and a signal ends it in order."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import uvicorn

from archsmith.core.errors import UsageError
from archsmith.server.app import App, tell_of
from archsmith.server.logs import Log
from archsmith.server.metrics import Metrics
from archsmith.server.protocol import limited
from archsmith.server.registry import Registry
from archsmith.server.routes import Route
from archsmith.server.settings import Settings

BACKLOG = 2048
M_MMAP_THRESHOLD, LARGE_BYTES = -3, 2**20  # of mallopt(3): pieces from this size on go back at once
GRACE_SECONDS = 5.0  # beyond the time that a request has


def serve(
    folders: Sequence[str | Path],
    names: Sequence[str],
    settings: Settings,
    log: Log,
    opened: Callable[[str, Registry], None] = lambda address, registry: None,
    pages: Callable[[Registry], Iterable[Route]] = lambda registry: (),
) -> None:
    """Serve until SIGTERM or SIGINT, after which requests in flight are finished.

    ``opened`` is called with the address once the server answers; ``pages`` gives further routes, such as pages to look
    at. Raises UsageError when a model cannot be served or the port is taken.
    """
    give_memory_back()
    metrics = Metrics()
    registry = Registry(folders, names, settings, tell=tell_of(log, metrics), on_call=metrics.called)
    listener = listening(settings.host, settings.port)
    try:
        registry.load()
        gc.collect()
        gc.freeze()  # what stays for ever need not be looked at again and again
        server = _Server(App(registry, metrics, log, pages(registry)), listener, opened)
        server.run(sockets=[listener])
    finally:
        listener.close()
        registry.close()
    log.say("ended")


def give_memory_back() -> bool:
    """Let the C library return what large pictures took. Left alone, glibc learns from the first ones to keep pieces of
    up to 32 MB for later, and a server that has seen some large pictures stays at many times its size.
    """
    try:
        return bool(ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BYTES))
    except (AttributeError, TypeError, OSError):  # another C library, another system
        return False


class _Server(uvicorn.Server):
    """uvicorn, with our signals and our watching of folders."""

    def __init__(self, app: App, listener: socket.socket, opened: Callable[[str, Registry], None]) -> None:
        settings = app.settings
        super().__init__(
            uvicorn.Config(
                app,
                http=limited(settings.connections),
                ws="none",
                lifespan="off",
                interface="asgi3",
                proxy_headers=False,
                log_config=None,
                access_log=False,
                server_header=False,
                backlog=BACKLOG,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=int(settings.seconds + GRACE_SECONDS),
            )
        )
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # what it has to say, our log says
        self._app = app
        self._listener = listener
        self._opened = opened
        self._watching: asyncio.Task[None] | None = None
        self._checks: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._watching = asyncio.create_task(self._app.registry.watch())
        self._opened(address(self._listener), self._app.registry)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._watching is not None:
            self._watching.cancel()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn would raise the signal again at the end; whoever asked for the end has got it, so we end with 0."""
        if sys.platform == "win32":  # where loops know no signals
            with super().capture_signals():
                yield
            return
        loop = asyncio.get_running_loop()
        ending = [signal.SIGTERM, signal.SIGINT]
        for number in ending:
            loop.add_signal_handler(number, self._end, number)
        loop.add_signal_handler(signal.SIGHUP, self._check)
        yield

    def _end(self, number: int) -> None:
        self._app.api.closing = True
        self.handle_exit(number, None)

    def _check(self) -> None:
        check = asyncio.get_running_loop().create_task(self._app.registry.check())
        self._checks.add(check)
        check.add_done_callback(self._checks.discard)


def address(listener: socket.socket) -> str:
    """``http://127.0.0.1:8000``"""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def listening(host: str, port: int) -> socket.socket:
    """A socket that is bound to the place; port 0 takes a free one. Raises UsageError where that cannot be."""
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(place)
        except BaseException:
            listener.close()
            raise
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"The server cannot listen on {host}:{port} ({error}).",
            "Give another with --port (0 takes a free one) or --host.",
        ) from error
    return listener
