"""Removing a study: its folder leaves the list in one step, and its files go afterwards.

A kill in between leaves the study as it was, or a folder with a name that begins with ``ASIDE``. Nothing reads such a
folder, and the next removal takes it along.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path

from archsmith.core.errors import NoStudyError, StudyError
from archsmith.runtime.lease import Lease
from archsmith.runtime.sqlite import FILE

ASIDE = ".removed-"


def n_bytes(folder: Path) -> int:
    """Bytes of all files below ``folder``. Links count as nothing: what they lead to is never removed."""
    total = 0
    if folder.is_symlink():
        return total
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # gone by now
                total += os.lstat(os.path.join(place, name)).st_size
    return total


def remove(folder: Path) -> None:
    """Remove the study in ``folder``; of one that is a link only the link. Raises LeaseError while a process writes to
    it, NoStudyError where there is none any more, and StudyError where it cannot be removed, or not all of it.
    """
    if not (folder / FILE).exists():
        raise NoStudyError(f"The study {folder.name} is not there any more.")
    aside = folder.parent / f"{ASIDE}{secrets.token_hex(6)}"
    lease = Lease(folder)
    lease.acquire()  # nobody goes on with it meanwhile
    try:
        os.rename(folder, aside)
    except OSError as error:
        raise StudyError(f"The study in {folder} cannot be removed: {error.strerror}.") from error
    finally:
        lease.release()
    for left in folder.parent.glob(f"{ASIDE}*"):
        _delete(left)
    if os.path.lexists(aside):
        raise StudyError(f"{folder.name} is no study any more, but files of it cannot be deleted: {aside}.")


def _delete(folder: Path) -> None:
    """All that can be deleted; no link is followed."""
    if folder.is_symlink():
        folder.unlink(missing_ok=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)
