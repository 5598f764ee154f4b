"""Writing a file whole or not at all: write a draft beside it, then let the draft take its place in one step.

A process that is killed leaves the old file or the new one, never a half of either. Nothing is forced onto the disk
(no ``fsync``): after a power cut such a file may be old, missing or, on some file systems, empty. That is enough here,
because whatever is written this way can be made again, and every reader treats an unreadable file as a missing one.
The log of a study, which cannot be made again, is written by SQLite instead.
"""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

STALE_SECONDS = 3600.0  # a draft of this age belongs to a process that was killed


@contextlib.contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """The path of a draft, to be written in the block. At the end of the block the draft becomes ``path``.

    The draft lies in the same folder, which is made if needed; its name is its own, so that two processes may write the
    same file. When the block raises, or writes no draft, ``path`` stays as it was and the draft is removed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.draft")
    try:
        yield draft
        if draft.exists():
            os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


def write_text(path: Path | str, text: str) -> None:
    """Write ``text`` as UTF-8 to the file ``path``, whole or not at all."""
    with replacing(path) as draft:
        draft.write_text(text, encoding="utf-8")


def write_bytes(path: Path | str, data: bytes) -> None:
    """Write ``data`` to the file ``path``, whole or not at all."""
    with replacing(path) as draft:
        draft.write_bytes(data)


def _sweep(path: Path) -> None:
    """Remove drafts of ``path`` that killed processes left."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.draft"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > STALE_SECONDS:
                left.unlink()
