"""What every request and every websocket passes first: the guard of the server, a cookie for browsers, and headers.

A browser cannot send the header Authorization with every link, so whoever shows the token once, as ``/?token=…`` or
when the browser asks for a password, gets a cookie. No script can read it, and no other site's page sends it along.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode

from archsmith.app.limits import App, Message, Receive, Send, answer
from archsmith.app.settings import AppSettings
from archsmith.server.guard import Guard
from archsmith.server.refusals import Refusal, malformed

COOKIE = "archsmith"
API, FRAMEWORK = "/api/", "/_nicegui"
CHECKED = "CHECKED"  # stands for the method: like a write it is checked for its origin
ONCE = ("host", "origin", "authorization", "content-length")  # headers that may come once
NOT_PASSED = (b"x-forwarded-prefix",)  # NiceGUI would write what anybody says there into its pages
OWN = ("same-origin", "none")  # where a request may come from; a browser says "none" where a person typed the address
MOST_QUERY = 8192  # bytes
MOST_FIELDS = 100

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
        self._guard = Guard(settings, free=frozenset(), asks=lambda path: not path.startswith(API))
        self._token = settings.token
        self._cookie = "" if settings.token is None else _digest(settings.token)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._inside(scope, receive, send)
            return
        sending = _with_headers(send, scope["path"])
        try:
            shown, has_cookie = self._check(scope)
        except Refusal as refusal:
            if scope["type"] == "websocket":
                await receive()
                await send({"type": "websocket.close", "code": 1008, "reason": refusal.code})
            else:
                await answer(refusal, sending)
            return
        if shown:
            await self._remember(scope, sending)
            return
        scope = {**scope, "headers": [each for each in scope["headers"] if each[0].lower() not in NOT_PASSED]}
        give = self._token is not None and scope["type"] == "http" and not has_cookie
        await self._inside(scope, receive, _with_cookie(sending, self._set_cookie()) if give else sending)

    def _check(self, scope: Message) -> tuple[bool, bool]:
        """Was the token shown in the address, and does the cookie come along? Raises Refusal."""
        headers = _read(scope)
        _refuse_embedding(headers)
        shown, has_cookie = self._shown(scope), self._has_cookie(headers)
        if shown is not None:
            headers["authorization"] = f"Bearer {shown}"
        elif has_cookie:
            headers["authorization"] = f"Bearer {self._token}"
        # A browser names the origin of a read only where a page of another one wants to see the answer.
        write = scope["type"] == "websocket" or "origin" in headers
        self._guard.check(Asked(CHECKED if write else scope["method"], scope["path"], headers))
        return shown is not None, has_cookie

    def _shown(self, scope: Message) -> str | None:
        """The token in the address of a page; None without one."""
        if self._token is None or scope["type"] != "http" or scope["method"] != "GET":
            return None
        shown = dict(_query(scope)).get("token")
        return shown if shown is None or shown.isascii() else ""

    def _has_cookie(self, headers: Mapping[str, str]) -> bool:
        """Another program on this machine may have given cookies of any form to the same host; they are passed over."""
        parts = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
        found = [value for name, _, value in parts if name == COOKIE]
        return bool(self._cookie) and any(hmac.compare_digest(value.encode(), self._cookie.encode()) for value in found)

    async def _remember(self, scope: Message, send: Send) -> None:
        """Set the cookie and show the page again, without the token in its address."""
        kept = [(name, value) for name, value in _query(scope) if name != "token"]
        path = "/" + quote(scope["path"].lstrip("/\\"))  # "//host" would lead to another site
        place = path + (f"?{urlencode(kept)}" if kept else "")
        headers = [(b"location", place.encode("ascii")), (b"set-cookie", self._set_cookie())]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _set_cookie(self) -> bytes:
        return f"{COOKIE}={self._cookie}; Path=/; HttpOnly; SameSite=Strict".encode()


def _digest(token: str) -> str:
    """What the cookie holds: whoever reads it does not know the token."""
    return hmac.new(token.encode(), b"archsmith app", hashlib.sha256).hexdigest()


def _read(scope: Message) -> dict[str, str]:
    """The headers by name. Raises Refusal where one that decides comes twice: others may read the other one."""
    pairs = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
    names = [name for name, _ in pairs]
    if any(names.count(name) > 1 for name in ONCE):
        raise malformed("The request says the same thing twice.")
    cookies = "; ".join(value for name, value in pairs if name == "cookie")
    return {**dict(pairs), "cookie": cookies}


def _refuse_embedding(headers: Mapping[str, str]) -> None:
    """Raises Refusal for what a page of another site embeds or fetches: an image, a script, a frame. A link may lead
    here. Without a token nothing else would keep such a page from asking for one page of ours after the other.
    """
    if headers.get("sec-fetch-site", OWN[0]) in OWN:
        return
    if headers.get("sec-fetch-mode") != "navigate" or headers.get("sec-fetch-dest") != "document":
        raise Refusal(403, "origin", "Pages of other sites may not ask this app.", "Ask it from its own pages.")


def _query(scope: Message) -> list[tuple[str, str]]:
    """The fields of the address. Raises Refusal."""
    said = scope.get("query_string", b"")
    try:
        if len(said) > MOST_QUERY:
            raise ValueError
        return parse_qsl(said.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise malformed("The address says too much.") from None


def _with_headers(send: Send, path: str) -> Send:
    policy = (DATA_POLICY if path.startswith(API) else PAGE_POLICY).encode()

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name.lower() for name, _ in message["headers"]}
            added = {b"content-security-policy": policy, **HEADERS}
            if not path.startswith(FRAMEWORK):
                added[b"cache-control"] = b"no-store"
            rest = ((name, value) for name, value in added.items() if name not in own)
            message = {**message, "headers": [*message["headers"], *rest]}
        await send(message)

    return sending


def _with_cookie(send: Send, cookie: bytes) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"set-cookie", cookie)]}
        await send(message)

    return sending
