"""What every folder of stored splits has, whatever their kind: a file of facts, a lock while it is written, and the
errors of a folder that cannot be read.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from archsmith.core.errors import DataError
from archsmith.core.files import json_value, small_text
from archsmith.data.lock import FileLock

FACTS = "splits.json"  # written last, so that a folder which has it is whole
LARGEST = 2**30  # bytes of a file of facts; the paths of millions of pictures take some hundred megabytes
WAIT_SECONDS = 0.1  # between two looks at whether another process has finished


@contextlib.contextmanager
def locked(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock ``path`` inside the block. While another process holds it, wait, and call ``waiting``, which may
    raise.
    """
    lock = FileLock(path)
    while not lock.take():
        waiting()
        time.sleep(WAIT_SECONDS)
    with lock:
        yield


def read_json(folder: Path | str, name: str) -> dict[str, Any]:
    """The object in the JSON file ``name`` of ``folder``. Raises DataError."""
    try:
        found = json_value(small_text(Path(folder) / name, LARGEST))
    except FileNotFoundError as error:
        raise DataError(f"There are no stored data in {str(folder)!r}.", "Read the data again.") from error
    except (OSError, ValueError) as error:
        raise damaged(folder) from error
    if not isinstance(found, dict):
        raise damaged(folder)
    return found


def damaged(folder: Path | str) -> DataError:
    """The error of a folder whose files cannot be read."""
    return DataError(f"The stored data in {str(folder)!r} are damaged.", "Delete the folder and read the data again.")


def mark_used(folder: Path) -> None:
    """Note that the folder was used now. What was not used for longest is removed first (``data.sweeping``)."""
    with contextlib.suppress(OSError):
        os.utime(folder)
