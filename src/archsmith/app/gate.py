"""What every request and every websocket passes first: the guard of the server, a cookie for browsers, and headers.

A browser cannot send the header Authorization with every link, so whoever shows the token once, as ``/?token=…`` or
when the browser asks for a password, gets a cookie. No script can read it, and no other site's page sends it along.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode

from archsmith.app.settings import AppSettings
from archsmith.server.guard import Guard
from archsmith.server.refusals import Refusal

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

COOKIE = "archsmith"
API, FRAMEWORK = "/api/", "/_nicegui"
WEBSOCKET = "WEBSOCKET"  # stands for the method: like a write it is checked for its origin

# NiceGUI evaluates expressions that its own server sends, so scripts need 'unsafe-eval', and writes styles and its
# start into the page. Nothing is ever loaded from, or sent to, another origin.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; manifest-src 'self'; "
    "form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
)
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=()",
}


@dataclass(frozen=True)
class Asked:
    """What the guard looks at."""

    method: str
    path: str
    headers: Mapping[str, str]


class Gate:
    """Wraps an ASGI application."""

    def __init__(self, inside: App, settings: AppSettings) -> None:
        self._inside = inside
        self._guard = Guard(settings)
        self._token = settings.token
        self._cookie = "" if settings.token is None else _digest(settings.token)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._inside(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        shown = self._shown(scope, headers)
        if shown is not None:
            headers["authorization"] = f"Bearer {shown}"
        elif self._has_cookie(headers):
            headers["authorization"] = f"Bearer {self._token}"
        asked = Asked(WEBSOCKET if scope["type"] == "websocket" else scope["method"], scope["path"], headers)
        try:
            self._guard.check(asked)
        except Refusal as refusal:
            await _refuse(refusal, scope, receive, send)
            return
        if shown is not None and scope["type"] == "http":
            await self._remember(scope, send)
            return
        give = self._token is not None and scope["type"] == "http" and not self._has_cookie(headers)
        cookie = self._set_cookie() if give else None
        await self._inside(scope, receive, _with_headers(send, scope["path"], cookie))

    def _shown(self, scope: Message, headers: Mapping[str, str]) -> str | None:
        """The token in the address of a page; None without one."""
        if self._token is None or scope["type"] != "http" or scope["method"] != "GET":
            return None
        query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))
        return query.get("token")

    def _has_cookie(self, headers: Mapping[str, str]) -> bool:
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return bool(self._cookie) and found is not None and hmac.compare_digest(found.value, self._cookie)

    async def _remember(self, scope: Message, send: Send) -> None:
        """Set the cookie and show the page again, without the token in its address."""
        kept = [(k, v) for k, v in parse_qsl(scope["query_string"].decode("latin-1")) if k != "token"]
        path = "/" + scope["path"].lstrip("/")  # "//host" would lead to another site
        place = path + (f"?{urlencode(kept)}" if kept else "")
        headers = [(b"location", place.encode("utf-8")), (b"set-cookie", self._set_cookie()), *HEADERS.items()]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _set_cookie(self) -> bytes:
        return f"{COOKIE}={self._cookie}; Path=/; HttpOnly; SameSite=Strict".encode()


def _digest(token: str) -> str:
    """What the cookie holds: whoever reads it does not know the token."""
    return hmac.new(token.encode(), b"archsmith app", hashlib.sha256).hexdigest()


def _with_headers(send: Send, path: str, cookie: bytes | None) -> Send:
    policy = (DATA_POLICY if path.startswith(API) else PAGE_POLICY).encode()

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name.lower() for name, _ in message["headers"]}
            added = {b"content-security-policy": policy, **HEADERS}
            if not path.startswith(FRAMEWORK):
                added[b"cache-control"] = b"no-store"
            message["headers"] = [
                *message["headers"],
                *((name, value) for name, value in added.items() if name not in own),
                *([(b"set-cookie", cookie)] if cookie else []),
            ]
        await send(message)

    return sending


async def _refuse(refusal: Refusal, scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": refusal.code})
        return
    body = refusal.body()
    own = [(name.encode(), value.encode("latin-1", "replace")) for name, value in refusal.headers.items()]
    fixed = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *HEADERS.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": [*fixed, *own]})
    await send({"type": "http.response.body", "body": body})
