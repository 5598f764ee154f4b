"""What a server may be told: where it listens, who may ask, and what a request may cost."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field

from archsmith.core.errors import UsageError

TOKEN = "ARCHSMITH_TOKEN"  # of the environment, where a token may stand
LEAST_TOKEN = 16  # characters
MEBI = 2**20


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True)
class Settings:
    """All settings of a server.

    ``host``, ``port``: where it listens; port 0 takes a free one.
    ``token``: what a caller has to show; None asks for nothing, which only a loopback address may do.
    ``hosts``: further names under which browsers and clients reach the server.
    ``threads``: how many calls of networks run at the same time, each with one thread.
    ``batch``: most examples in one call of a network.
    ``window_ms``: how long an example waits for others while its network is busy.
    ``queue``: most requests that are read and not answered.
    ``connections``: most open connections.
    ``request_bytes``: of one request.
    ``memory_bytes``: of all requests that are held at the same time, decoded pictures included.
    ``pixels``: of one picture.
    ``examples``: in one request.
    ``seconds``: for one request, from the end of its headers to its answer.
    ``foreign``: are ONNX files served that are no bundles?
    ``poll_seconds``: how often the folders are looked at for a new version.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    hosts: tuple[str, ...] = ()
    threads: int = field(default_factory=cores)
    batch: int = 32
    window_ms: float = 2.0
    queue: int = 256
    connections: int = 512
    request_bytes: int = 32 * MEBI
    memory_bytes: int = 512 * MEBI
    pixels: int = 25_000_000
    examples: int = 1000
    seconds: float = 30.0
    foreign: bool = False
    poll_seconds: float = 1.0

    def __post_init__(self) -> None:
        for name in ("threads", "batch", "queue", "connections", "request_bytes", "pixels", "examples"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}.", "Give 1 or more.")
        if not 0 < self.seconds < float("inf") or not 0 <= self.window_ms < float("inf"):
            raise UsageError(
                f"A request has {self.seconds} seconds and waits {self.window_ms} ms for others.",
                "Give a positive number of seconds, and 0 ms or more; neither without an end.",
            )
        refuse_open(self.host, self.token)

    @property
    def is_loopback(self) -> bool:
        """Is only this machine served?"""
        return is_loopback(self.host)


def refuse_open(host: str, token: str | None) -> None:
    """Raises UsageError for a token that can be guessed, and for a host that others reach without one."""
    if token is not None and not (len(token) >= LEAST_TOKEN and token.isascii()):
        raise UsageError(
            f"The token is shorter than {LEAST_TOKEN} characters, or not made of ASCII.",
            "Make one with: python -c 'import secrets; print(secrets.token_urlsafe())'",
        )
    if token is None and not is_loopback(host):
        raise UsageError(
            f"The host {host!r} can be reached from other machines, and no token is set.",
            "Give --token-file or set ARCHSMITH_TOKEN, or listen on 127.0.0.1.",
        )


def is_loopback(host: str) -> bool:
    """Does ``host``, a name or an address without a port, stand for this machine alone?"""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
