"""A request as handlers see it, and the answers that they give. ASGI underneath."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from archsmith.server.refusals import Refusal

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON = "application/json"


@dataclass(frozen=True)
class Answer:
    """``status``, ``body`` with its ``type``, and further ``headers``."""

    body: bytes
    status: int = 200
    type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def as_json(data: Any, status: int = 200) -> Answer:
    return Answer(orjson.dumps(data), status)


class Gone(Exception):
    """The client has closed the connection; nobody waits for an answer."""


class Room:
    """What all requests take up together.

    ``most_bytes``: that they may hold.
    ``most_requests``: that may be read and not answered.
    """

    def __init__(self, most_bytes: int, most_requests: int) -> None:
        self.most_bytes, self.most_requests = most_bytes, most_requests
        self.n_bytes = self.n_requests = 0

    def hold(self, n: int) -> None:
        """Count ``n`` bytes more. Raises Refusal where there is no room."""
        if self.n_bytes + n > self.most_bytes:
            raise Refusal.busy("The server holds as much data of other requests as it may.")
        self.n_bytes += n

    def enter(self) -> None:
        """Count one request more. Raises Refusal where there is no room."""
        if self.n_requests >= self.most_requests:
            raise Refusal.busy(f"There are {self.n_requests:,} requests before this one.")
        self.n_requests += 1


class Request:
    """One request.

    ``method``, ``path``: of HTTP, the path decoded.
    ``headers``: by name in small letters.
    ``model``: the name of the model that it asks, for the log; empty for none.
    ``n``: how many examples it had, for the log.
    ``is_read``: has all of it arrived?
    """

    def __init__(self, scope: Scope, receive: Receive, room: Room, most: int) -> None:
        """Raises Refusal for a header that came twice and must not."""
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers = _headers(scope["headers"])
        self.model = ""
        self.n = 0
        self.is_read = False
        self._receive = receive
        self._room = room
        self._most = most
        self._held = 0

    async def body(self) -> bytes:
        """All bytes of it. Raises Refusal as soon as there are too many."""
        if self.headers.get("content-encoding", "identity") != "identity":
            raise Refusal(415, "encoding", "Requests are not unpacked.", "Send them without Content-Encoding.")
        told = self.headers.get("content-length", "0")
        if told.isdecimal() and int(told) > self._most:
            raise self._too_large()
        chunks, n = [], 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Gone
            chunk = message.get("body", b"")
            if chunk:
                n += len(chunk)
                if n > self._most:
                    raise self._too_large()
                self.hold(len(chunk))
                chunks.append(chunk)
            if not message.get("more_body", False):
                self._room.enter()
                self.is_read = True
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def hold(self, n: int) -> None:
        """Count ``n`` bytes of memory until the request is over. Raises Refusal where there is no room."""
        self._room.hold(n)
        self._held += n

    def release(self, n: int) -> None:
        """Give back ``n`` of the bytes that were counted."""
        self._room.n_bytes -= n
        self._held -= n

    def end(self) -> None:
        """Give back all that was counted."""
        self.release(self._held)
        if self.is_read:
            self._room.n_requests -= 1
            self.is_read = False

    @property
    def content_type(self) -> str:
        """Without parameters, in small letters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def _too_large(self) -> Refusal:
        return Refusal(
            413,
            "too_large",
            f"The request is larger than {self._most:,} bytes.",
            "Send fewer or smaller examples, or start the server with a larger --max-mb.",
        )


ONCE = frozenset((b"host", b"origin", b"authorization", b"content-length", b"content-type", b"transfer-encoding"))


def _headers(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        text = name.decode("latin-1")
        if name in ONCE and text in found:
            raise Refusal(400, "malformed", f"The header {text!r} came twice.")
        found[text] = value.decode("latin-1")
    return found
