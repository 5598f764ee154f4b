"""The process of the app: API and pages behind the gate, and a signal ends it in order.

What the app started (searches, servers of models) are processes of their own and go on.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from fastapi import FastAPI

from archsmith.app.gate import Gate
from archsmith.app.house import House
from archsmith.app.settings import AppSettings
from archsmith.server.run import address, listening

NOT_KEPT = "NICEGUI_STORAGE_PATH"  # where NiceGUI would keep what a page stores; no page stores anything
TITLE = "Archsmith"
GRACE_SECONDS = 3


def serve(settings: AppSettings, opened: Callable[[str], None] = lambda address: None) -> None:
    """Serve until SIGTERM or SIGINT. ``opened`` is called with the address once the app answers.

    Raises UsageError where the port is taken, and MissingExtraError without the extra ``app``.
    """
    listener = listening(settings.host, settings.port)
    try:
        server = _Server(Gate(create(House(settings)), settings), listener, opened)
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
    finally:
        listener.close()


def create(house: House) -> FastAPI:
    """API and pages, without the gate. NiceGUI knows one set of pages in a process, so this is called once."""
    os.environ.setdefault(NOT_KEPT, str(house.folder / "nicegui"))
    from nicegui import ui
    from starlette.staticfiles import StaticFiles

    from archsmith.app.api.base import create as create_api
    from archsmith.app.pages import comparisons, difference, home, lineage, network
    from archsmith.app.pages.frame import ASSETS, HEAD, STATIC

    app = create_api(house)
    app.mount(ASSETS, StaticFiles(directory=STATIC))
    for page in (home, network, difference, lineage, comparisons):
        page.mount(house)
    ui.add_head_html(HEAD, shared=True)
    ui.run_with(app, title=TITLE, dark=None, language="en-US", tailwind=False, show_welcome_message=False)
    return app


class _Server(uvicorn.Server):
    """uvicorn, which says when it has opened."""

    def __init__(self, app: Any, listener: socket.socket, opened: Callable[[str], None]) -> None:
        config = uvicorn.Config(
            app,
            proxy_headers=False,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        super().__init__(config)
        self._listener = listener
        self._opened = opened

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._opened(address(self._listener))
