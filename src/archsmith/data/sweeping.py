"""Throwing away stored data that nobody needs any more, of whatever kind."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Set
from pathlib import Path

from archsmith.data.lock import FileLock
from archsmith.data.stored import FACTS

OLD = 24 * 3600.0  # seconds after which a draft that nobody is writing is thrown away
STATE = "state.json"  # in a draft: touched while it is written


def sweep(root: Path, keep: Set[str] = frozenset(), cap_mb: float | None = None) -> list[str]:
    """Remove drafts that nobody has been writing for a day and, until the rest takes no more than ``cap_mb``, the
    folders that were not used for longest.

    ``keep`` names folders that must stay. Returns the names of what was removed.
    """
    root = Path(root)
    removed: list[str] = []
    if not root.is_dir():
        return removed
    kept = {Path(name).name for name in keep}
    folders = []
    for path in sorted(root.iterdir()):
        if path.name.startswith(".") and path.suffix in (".draft", ".lock"):
            removed += _sweep_draft(path)
        elif (path / FACTS).exists():
            with contextlib.suppress(OSError):  # another process may be throwing it away
                folders.append((path.stat().st_mtime, path, sum(file.stat().st_size for file in path.iterdir())))
    total = sum(size for _, _, size in folders)
    for _, path, size in sorted(folders):
        if cap_mb is not None and total > cap_mb * 1e6 and path.name not in kept:
            shutil.rmtree(path, ignore_errors=True)
            total -= size
            removed.append(path.name)
    return removed


def _sweep_draft(path: Path) -> list[str]:
    """Remove a draft (or the lock that is left of one) if it is old and nobody holds its lock."""
    with contextlib.suppress(OSError):
        state = path / STATE
        newest = state if state.exists() else path
        if time.time() - newest.stat().st_mtime < OLD:
            return []
        lock = FileLock(path.with_suffix(".lock"))
        if not lock.take():
            return []
        with lock:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
                return [path.name]
    return []
