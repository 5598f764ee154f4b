"""What is read from outside is a regular file, unpacks to what such files unpack to, and is refused in one sentence
where it is damaged. What is written is written whole or not at all: as a draft beside it, which then takes its place in
one step.

A process that is killed leaves the old file or the new one, never a half of either. Nothing is forced onto the disk
(no ``fsync``): after a power cut such a file may be old, missing or, on some file systems, empty. That is enough here,
because whatever is written this way can be made again, and every reader treats an unreadable file as a missing one.
The log of a study, which cannot be made again, is written by SQLite instead.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from archsmith.core.errors import ArchsmithError, DataError, UsageError

STALE_SECONDS = 3600.0  # a draft of this age belongs to a process that was killed
# What unpacks to more than 50 MB and 200 times its size is a bomb, not data (Fifield, "A better zip bomb", WOOT 2019).
BOMB_RATIO, BOMB_BYTES = 200, 50_000_000
ADDRESS = re.compile(r":? ?<[\w.]+ object at 0x[0-9a-f]+>")  # of an object in Python's memory, which says nothing
# An address, also as a ``Path``, which has one slash left. Windows has drives of one letter.
WEB = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,30}:/")
SHOWN = 100  # characters of a library's reason, or of a name, that a message shows


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


def regular_size(path: Path | str) -> int:
    """Bytes of a regular file that came from outside. Raises DataError for what is none: a reader would wait for a pipe
    for ever, and never come to the end of a device. Raises OSError where there is nothing.
    """
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise DataError(f"{str(path)!r} is not a regular file.", "Give a file, not a folder, a pipe or a device.")
    return found.st_size


def small_text(path: Path | str, most: int = 16 * 2**20) -> str:
    """The UTF-8 text in a file from outside of at most ``most`` bytes. Raises DataError for a larger one and for what
    is no regular file, OSError where it cannot be read, ValueError for what is no text.
    """
    if regular_size(path) > most:
        raise DataError(
            f"{str(path)!r} has more than {most:,} bytes.", "Such files have some thousands; it is no such."
        )
    return Path(path).read_text(encoding="utf-8")


def json_value(text: str) -> Any:
    """What a JSON ``text`` from outside says. Raises ValueError, in one short line, for what is none: for brackets in
    brackets without end, too, where the parser raises RecursionError.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except (RecursionError, ValueError) as error:  # brackets or digits without end
        raise ValueError(reason(error)) from error


def no_such_folder(path: Path | str, what: str, mark: str) -> str:
    """Why ``path`` is not the folder of a ``what``, in a sentence: it is empty, leads nowhere, is a file, cannot be
    read, or lacks the file ``mark``.
    """
    place = str(path)
    if not place.strip():
        return f"The path of the {what} is empty."
    try:
        found = os.stat(place)
    except (FileNotFoundError, NotADirectoryError):
        return f"There is no {what} at {place!r}."
    except (OSError, ValueError) as error:  # a name that is too long, or holds a zero byte
        return f"{place!r} cannot be read: {reason(error)}."
    if not stat.S_ISDIR(found.st_mode):
        return f"{place!r} is a file, not the folder of a {what}."
    if not os.access(place, os.R_OK | os.X_OK):
        return f"{place!r} cannot be read: its permissions forbid it."
    return f"The folder {place!r} is no {what}: it has no {mark}."


def file_stamp(path: Path) -> str:
    """A hash of the path, size and time of the file; changes when the file does."""
    found = os.stat(path)
    said = f"{os.path.abspath(path)}\0{found.st_size}\0{found.st_mtime_ns}"
    return hashlib.blake2b(said.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def expanded(path: Path | str) -> Path:
    """``path`` with the home of a user in place of ``~`` or ``~user``. Raises UsageError for a user without one,
    for an address such as ``https://…``, and for an empty text.
    """
    if WEB.match(str(path)):
        raise UsageError(
            f"{str(path)[:SHOWN]!r} is an address. Nothing is downloaded.", "Save the file first, and give its path."
        )
    if not str(path).strip():
        raise UsageError("A path is empty.", "Give the path of a file or folder; . is the folder that you are in.")
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UsageError(f"There is no home folder for {str(path)[:SHOWN]!r}.", "Write the whole path.") from error


@contextlib.contextmanager
def reading(message: str, hint: str) -> Iterator[None]:
    """In the block a library reads what came from outside. Whatever it raises then becomes one DataError: ``message``,
    the reason in brackets, and ``hint``. Libraries raise errors of all kinds on damaged files, so no list of them would
    be whole. Errors of our own pass.
    """
    try:
        yield
    except ArchsmithError:
        raise
    except Exception as error:
        raise DataError(f"{message} ({reason(error)}).", hint) from error


def reason(error: Exception) -> str:
    """What ``error`` says, in one short line without a full stop."""
    if isinstance(error, MemoryError):
        return "it needs too much memory"
    if isinstance(error, RecursionError):
        return "there are too many brackets in brackets"
    said = ADDRESS.sub("", str(getattr(error, "strerror", None) or error))
    if "integer string conversion" in said:  # Python's limit, whose message is about Python
        return "there is a number of thousands of digits"
    return " ".join(said.split())[:SHOWN].rstrip(".") or type(error).__name__


def refuse_bomb(what: str, packed: int, unpacked: int) -> None:
    """Raises DataError where ``what`` (it begins the sentence) unpacks to far more bytes than data do."""
    if unpacked > max(BOMB_BYTES, BOMB_RATIO * max(1, packed)):
        raise DataError(
            f"{what} unpacks to {unpacked / 1e6:,.0f} MB or more from {packed / 1e6:,.1f} MB.",
            "Data never do; do not trust the file.",
        )


def _sweep(path: Path) -> None:
    """Remove drafts of ``path`` that killed processes left."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.draft"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > STALE_SECONDS:
                left.unlink()
