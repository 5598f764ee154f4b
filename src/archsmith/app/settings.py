"""What the app may be told: where it listens, who may ask, what it may read, and how much it may keep."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archsmith.core.errors import UsageError
from archsmith.core.files import expanded
from archsmith.server.settings import MEBI, is_loopback, refuse_open


@dataclass(frozen=True)
class AppSettings:
    """All settings of the app.

    ``host``, ``port``: where it listens; port 0 takes a free one.
    ``token``: what a visitor has to show; None asks for nothing, which only a loopback address may do.
    ``hosts``: further names under which browsers reach it.
    ``workspace``: folder of the studies; None: as everywhere.
    ``allow_paths``: folder whose files may be named instead of uploaded; None: there is none.
    ``upload_bytes``: of one uploaded file.
    ``quota_bytes``: of all that was uploaded.
    ``request_bytes``: of any other request.
    ``request_seconds``: for the body of any other request to arrive.
    ``connections``: most open connections, those of pages included.
    ``searches``: most searches that the app runs at the same time.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    token: str | None = None
    hosts: tuple[str, ...] = ()
    workspace: str | None = None
    allow_paths: Path | None = None
    upload_bytes: int = 2048 * MEBI
    quota_bytes: int = 10240 * MEBI
    request_bytes: int = MEBI
    request_seconds: float = 30.0
    connections: int = 256
    searches: int = 2

    def __post_init__(self) -> None:
        refuse_open(self.host, self.token)
        for name in ("upload_bytes", "quota_bytes", "request_bytes", "connections", "searches"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}.", "Give 1 or more.")
        if self.allow_paths is not None:
            folder = expanded(self.allow_paths)
            if not folder.is_dir():
                raise UsageError(f"The folder {str(folder)!r} is not there.", "Give a folder to --allow-paths.")
            object.__setattr__(self, "allow_paths", folder.resolve())

    @property
    def is_loopback(self) -> bool:
        """Is only this machine served?"""
        return is_loopback(self.host)
