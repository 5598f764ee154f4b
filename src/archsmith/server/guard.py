"""What stands in front of every route: who may ask, under which name, and with what headers the answer goes out.

Three attacks of web pages on a server that only this machine should reach are kept out: a page of a foreign origin that
sends a form (Origin), a name of the attacker's that leads to this machine (Host, DNS rebinding), and a page that shows
ours in a frame (headers).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import re
import socket
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from archsmith.server.refusals import Refusal
from archsmith.server.settings import is_loopback

# Who only asks whether the server lives needs no token.
HEALTH = frozenset(("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"))
READS = frozenset(("GET", "HEAD", "OPTIONS"))
HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")

HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


class Asked(Protocol):
    """What is looked at of a request. ``headers``: by name in small letters."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...


class Reach(Protocol):
    """Who may ask: the part of a server's settings that a guard needs."""

    @property
    def host(self) -> str: ...
    @property
    def hosts(self) -> Collection[str]: ...
    @property
    def token(self) -> str | None: ...
    @property
    def is_loopback(self) -> bool: ...


def is_shown(path: str) -> bool:
    """Is this the address of a page, for which a browser may ask its person for a password?"""
    return path == "/" or path.startswith("/models/")


class Guard:
    """Checks requests against the settings of a server.

    ``free``: addresses that need no token. ``asks``: is this a page, for which browsers ask for the token?
    """

    def __init__(
        self, settings: Reach, *, free: Collection[str] = HEALTH, asks: Callable[[str], bool] = is_shown
    ) -> None:
        self._free = free
        self._asks = asks
        self._loopback = settings.is_loopback
        self._token = None if settings.token is None else settings.token.encode()
        own = () if self._loopback else (settings.host, socket.gethostname())
        self._names = frozenset(name.lower() for name in (*settings.hosts, *own))
        self._known: set[str] = set()  # values of Host that were found good, so that each is looked at once

    def check(self, request: Asked) -> None:
        """Raises Refusal."""
        host = request.headers.get("host", "")
        if host not in self._known:
            self._check_host(host)
            if len(self._known) < 64:
                self._known.add(host)
        if self._token is not None and request.path not in self._free:
            self._check_token(request)
        if request.method not in READS:
            _check_origin(request, host)

    def _check_host(self, host: str) -> None:
        match = HOST.fullmatch(host)
        if match is None:
            raise Refusal(400, "host", "The request does not say for which host it is.", "Send a header Host.")
        name = match[1].strip("[]").rstrip(".").lower()
        if name in self._names or is_loopback(name) or (not self._loopback and _is_address(name)):
            return
        raise Refusal(
            421,
            "host",
            f"This server is not reached under the name {name[:64]!r}.",
            "Start it with --allow-host for that name.",
        )

    def _check_token(self, request: Asked) -> None:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        found = given.strip().encode("latin-1")
        if kind.lower() == "basic":  # as browsers ask a person for it: any name, the token for a password
            try:
                found = base64.b64decode(found, validate=True).partition(b":")[2]
            except (binascii.Error, ValueError):
                found = b""
        elif kind.lower() != "bearer":
            found = b""
        assert self._token is not None
        if not hmac.compare_digest(found, self._token):
            # browsers ask a person for a password where Basic is named
            wanted = 'Basic realm="archsmith"' if self._asks(request.path) else "Bearer"
            raise Refusal(
                401,
                "token",
                "The token is missing or wrong.",
                "Send the header Authorization: Bearer TOKEN.",
                {"www-authenticate": wanted},
            )


def _check_origin(request: Asked, host: str) -> None:
    """What a browser sends from another site names that site."""
    origin = request.headers.get("origin")
    if origin is not None and origin.lower() not in (f"http://{host.lower()}", f"https://{host.lower()}"):
        raise Refusal(403, "origin", "Pages of other sites may not ask this server.", "Ask it from its own pages.")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
