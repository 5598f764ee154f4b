"""What a browser gets where there is no page, or where one failed: the frame and a sentence, as plain HTML.

No connection is opened for it, and nothing of it stays in memory. Without it NiceGUI would show pages of its own.
"""

from __future__ import annotations

from contextlib import suppress
from html import escape

from fastapi import Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import HTMLResponse
from nicegui import Client, app
from starlette.exceptions import HTTPException

from archsmith.app.api.base import refusal_of
from archsmith.app.house import House
from archsmith.app.pages.plain import plain
from archsmith.core.errors import ArchsmithError
from archsmith.server.refusals import Refusal

FRAMEWORK = "/_nicegui"
TITLES = {404: "There is no such page", 500: "This page has failed"}
LONGEST_TITLE = 120  # characters
NOTHING = Refusal(404, "nothing", "There is no such page.")
OTHERWISE = Refusal(405, "http", "This address is not asked in this way.")
FAILED = Refusal(500, "internal", "The app has failed; what it printed says why.", "Searches go on.")


def mount(house: House) -> None:
    """Let these pages be shown."""
    app.add_exception_handler(404, _missing)
    app.add_exception_handler(405, _missing)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(ArchsmithError, _refused)
    app.add_exception_handler(Exception, _failed)


def html(refusal: Refusal) -> str:
    """The page that says ``refusal``."""
    hint = f"<p>{escape(refusal.hint)}</p>" if refusal.hint else ""
    title, message = titled(refusal)
    return plain(title, f'{message}{hint}<p><a class="button" href="/">All studies</a></p>')


def titled(refusal: Refusal) -> tuple[str, str]:
    """The title of the page, and what it says below as HTML: of what is not there the sentence is the title."""
    if refusal.status == NOTHING.status and len(refusal.message) <= LONGEST_TITLE:
        return refusal.message, ""
    return TITLES.get(refusal.status, "This cannot be shown"), f"<p>{escape(refusal.message)}</p>"


def _shown(refusal: Refusal) -> Response:
    text = html(refusal).encode("utf-8", "replace")
    return HTMLResponse(text, refusal.status, refusal.headers)


async def _missing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if request.url.path.startswith(FRAMEWORK):
        return await http_exception_handler(request, error)
    return _shown(NOTHING if error.status_code == NOTHING.status else OTHERWISE)


async def _refused(request: Request, error: Exception) -> Response:
    _forget(request)
    return _shown(refusal_of(error))


async def _failed(request: Request, error: Exception) -> Response:
    _forget(request)
    return _shown(FAILED)


def _forget(request: Request) -> None:
    """Remove the page that was begun for ``request``; nobody will ever see it."""
    for begun in [*Client.instances.values()]:
        with suppress(RuntimeError):  # a page that no request asked for
            if begun.request.scope is request.scope:
                begun.delete()
