"""One app for one workspace. A second one would remove what the first one is just receiving, and start searches beside
its own; whoever asks for a second one is led to the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from archsmith.core.errors import ArchsmithError, LeaseError, StudyError, UsageError
from archsmith.core.files import small_text, write_text
from archsmith.core.wording import visible
from archsmith.runtime.lease import Lease, holder

ADDRESS = "address"  # the file that says where the app is open


@contextmanager
def alone(folder: Path) -> Iterator[Callable[[str], None]]:
    """Be the only app that keeps its things in ``folder``, until the block ends or the process does, however that is.
    Gives a function that notes the address at which the app is open. Raises UsageError where another one is.
    """
    lease = Lease(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lease.acquire()
        (folder / ADDRESS).unlink(missing_ok=True)  # of an app that was killed
    except LeaseError as error:
        raise UsageError(_open_already(folder), "Use that one, or give this one another --workspace.") from error
    except (StudyError, OSError) as error:
        raise UsageError(f"The folder {folder} cannot be written.", "Give another --workspace.") from error
    try:
        yield lambda address: write_text(folder / ADDRESS, address)
    finally:
        with suppress(OSError):
            (folder / ADDRESS).unlink(missing_ok=True)
        lease.release()


def _open_already(folder: Path) -> str:
    found, where = holder(folder), ""
    with suppress(ArchsmithError, OSError, ValueError):
        where = f" at {visible(small_text(folder / ADDRESS, 1000))}"
    who = "" if found is None else f" (process {found.pid} on {visible(found.host)})"
    return f"An app is open on this workspace already{where}{who}."
