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

from archsmith.app.alone import alone
from archsmith.app.gate import Gate
from archsmith.app.house import House
from archsmith.app.limits import Limits
from archsmith.app.settings import AppSettings
from archsmith.server.protocol import limited
from archsmith.server.run import address, listening
from archsmith.server.settings import MEBI, TOKEN

NOT_KEPT = "NICEGUI_STORAGE_PATH"  # where NiceGUI would keep what a page stores; no page stores anything
TITLE = "Archsmith"
GRACE_SECONDS = 3
MOST_PAGES = 200  # that lie open at the same time; each holds its elements in memory
UNSEEN_SECONDS = 10.0  # after which a page that was sent and never connected is forgotten, where there are too many
KEEP_SECONDS = 30  # for which a connection without a request is kept
MESSAGE_BYTES = MEBI  # of one message of a browser


def serve(settings: AppSettings, opened: Callable[[str], None] = lambda address: None) -> None:
    """Serve until SIGTERM or SIGINT. ``opened`` is called with the address once the app answers.

    Raises UsageError where the port is taken or another app is open on the workspace, and MissingExtraError without the
    extra ``app``.
    """
    os.environ.pop(TOKEN, None)  # it was read; no process that is started from here finds it
    house = House(settings)
    with alone(house.folder) as noted, contextlib.closing(listening(settings.host, settings.port)) as listener:
        house.data.sweep()

        def told(address: str) -> None:
            noted(address)
            opened(address)

        server = _Server(guarded(create(house), settings), settings, listener, told)
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])


def guarded(app: FastAPI, settings: AppSettings) -> Gate:
    """``app`` behind the gate and its limits: what is served."""
    return Gate(Limits(app, settings, _full), settings)


def create(house: House) -> FastAPI:
    """API and pages, without the gate. NiceGUI knows one set of pages in a process, so this is called once."""
    os.environ.setdefault(NOT_KEPT, str(house.folder / "nicegui"))
    from nicegui import core, ui
    from starlette.staticfiles import StaticFiles

    from archsmith.app.api.base import create as create_api
    from archsmith.app.pages import (
        api_docs,
        comparisons,
        data,
        difference,
        errors,
        home,
        lineage,
        model,
        network,
        new,
        study,
        words,
    )
    from archsmith.app.pages.frame import ASSETS, HEAD, STATIC

    app = create_api(house)
    app.mount(ASSETS, StaticFiles(directory=STATIC))
    for page in (comparisons, data, difference, errors, home, lineage, model, network, new, study, words):
        page.mount(house)
    api_docs.mount(app.openapi)
    ui.add_head_html(HEAD, shared=True)
    ui.run_with(app, title=TITLE, dark=None, language="en-US", tailwind=False, show_welcome_message=False)
    core.sio.handlers["/"].pop("log", None)  # with it a browser could write anything into what the app prints
    core.sio.eio.transports = ["websocket"]  # the other one, polling, is a second door that nothing needs
    core.app.config.socket_io_js_transports = ["websocket"]
    return app


def _full() -> bool:
    """Do as many pages lie open as may? Those whose browser never came back for them are forgotten first."""
    from nicegui import Client

    if len(Client.instances) >= MOST_PAGES:
        Client.prune_instances(client_age_threshold=UNSEEN_SECONDS)
    return len(Client.instances) >= MOST_PAGES


class _Server(uvicorn.Server):
    """uvicorn, which says when it has opened."""

    def __init__(self, app: Any, settings: AppSettings, listener: socket.socket, opened: Callable[[str], None]) -> None:
        config = uvicorn.Config(
            app,
            http=limited(settings.connections),
            ws_max_size=MESSAGE_BYTES,
            ws_per_message_deflate=False,  # no message that is larger than it looks
            timeout_keep_alive=KEEP_SECONDS,
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
