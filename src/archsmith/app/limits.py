"""What a request may cost before a route has looked at it: bytes and seconds of its body, and clients without a page.

The routes that take files count for themselves, see ``archsmith.app.uploads``; they only have a larger limit here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from archsmith.app.settings import AppSettings
from archsmith.server.refusals import Refusal
from archsmith.server.settings import Settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

DATA = "/api/v1/data"  # takes files
MODELS, EXAMPLES = "/api/v1/models/", ("/predict", "/occlusion")
EXAMPLE_BYTES = Settings().request_bytes  # of a picture or a row for a model: as much as its own server takes


class Spent(Exception):
    """A body that is not read on; ``Limits`` knows why."""


class Limits:
    """Wraps an ASGI application.

    ``inside``: the application. ``full``: do as many pages lie open as may?
    """

    def __init__(self, inside: App, settings: AppSettings, full: Callable[[], bool] = lambda: False) -> None:
        self._inside = inside
        self._settings = settings
        self._full = full

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inside(scope, receive, send)
            return
        most, said = self.most_bytes(scope["path"]), _length(scope)
        if said is not None and said > most:
            await answer(_too_large(most), send)
            return
        if is_page(scope["path"]) and self._full():
            await answer(Refusal.busy("As many pages are open as this app shows at the same time."), send)
            return
        seconds = None if most == self._settings.upload_bytes else self._settings.request_seconds
        body, started = _Body(receive, most, seconds), False

        async def sending(message: Message) -> None:
            nonlocal started
            if body.refusal is None or started:  # else what a route makes of a cut body is not the answer
                started = True
                await send(message)

        with contextlib.suppress(Spent):
            await self._inside(scope, body, sending)
        if body.refusal is not None and not started:
            await answer(body.refusal, send)

    def most_bytes(self, path: str) -> int:
        """The largest body that this address takes."""
        if path == DATA:
            return self._settings.upload_bytes
        example = path.startswith(MODELS) and path.endswith(EXAMPLES)
        return EXAMPLE_BYTES if example else self._settings.request_bytes


class _Body:
    """A ``receive`` that counts. ``refusal``: why it ended before its end."""

    def __init__(self, receive: Receive, most: int, seconds: float | None) -> None:
        self._receive = receive
        self._most = most
        self._until = None if seconds is None else asyncio.get_running_loop().time() + seconds
        self._n = 0
        self._whole = False
        self.refusal: Refusal | None = None

    async def __call__(self) -> Message:
        if self.refusal is not None:
            raise Spent
        if self._whole:  # what comes now is the end of the connection, which may take hours
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            self.refusal = Refusal(408, "slow", "The request did not arrive in time.")
            raise Spent from None
        self._n += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._n > self._most:
            self.refusal = _too_large(self._most)
            raise Spent
        return message


def is_page(path: str) -> bool:
    """Does this address show a page, which then lies open in the memory of the app?"""
    return not path.startswith(("/api/", "/assets/", "/_nicegui"))


async def answer(refusal: Refusal, send: Send) -> None:
    """Send ``refusal`` and end the connection, on which the rest of a body may still come."""
    body = refusal.body()
    own = [(name.encode(), value.encode("latin-1", "replace")) for name, value in refusal.headers.items()]
    fixed = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": refusal.status, "headers": [*fixed, *own]})
    await send({"type": "http.response.body", "body": body})


def _length(scope: Message) -> int | None:
    """What the request says of the size of its body."""
    said = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return int(said) if said.isdigit() else None


def _too_large(most: int) -> Refusal:
    return Refusal(413, "too_large", f"The request has more than {most:,} bytes, which is the most here.")
