"""Files that are received: as the raw body of a request, written to disk as it comes.

A file that is not whole, too large or of a kind that no reader takes is never seen by anybody else: it lies under a
name of its own until its last byte has come. What a killed app left of such files is removed when the next one starts.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import shutil
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from archsmith.server.refusals import Refusal

TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet", ".pq")
PAIRED = (".npy", ".gz", "-ubyte", ".idx3", ".idx1", ".idx")  # images in one file, labels in another one
KINDS = (".zip", ".npz", *TABLES, *PAIRED)
READ = "Give a zip of class folders, a CSV or Parquet table, an .npz file, or IDX files."
WORKBOOKS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers")
SAVE_AS = "Open it in its own program and save it as CSV, then send that."
LONGEST_NAME = 100  # bytes of a file name that is kept
KEPT_FREE = 512 * 2**20  # bytes of the disk that uploads leave free
BLOCK = 2**20  # bytes that are written together
SLOW_SECONDS, LEAST_BYTES = 60.0, 2**18  # an upload in which fewer bytes come in that time has ended
AT_ONCE = 4  # uploads
PART = ".part"  # the end of the names of files that are not whole


@dataclass(frozen=True)
class Received:
    """A whole file. ``path``: where it lies for now. ``name``: that it may be kept under. ``n_bytes``: its size."""

    path: Path
    name: str
    n_bytes: int


class Uploads:
    """Receives files into ``folder``.

    ``most``: bytes of one file. ``quota``: bytes of all that is kept. ``kept()``: bytes that are kept already.
    """

    def __init__(self, folder: Path, most: int, quota: int, kept: Callable[[], int]) -> None:
        self.folder = folder
        self.most = most
        self.quota = quota
        self._kept = kept
        self._taken: dict[str, int] = {}  # bytes that running uploads have, or said that they will have

    def sweep(self) -> None:
        """Remove what uploads of a killed app left. No upload may run."""
        for left in self.folder.glob(f"*{PART}"):
            with contextlib.suppress(OSError):
                left.unlink()

    async def receive(self, name: str, chunks: AsyncIterator[bytes], declared: int | None = None) -> Received:
        """Write ``chunks`` to a file. Raises Refusal, and then nothing is left of it.

        ``name``: of the person's file. ``declared``: how many bytes will come, where that is known.
        """
        name = clean_name(name)
        with self._room(declared) as key:
            path = self.folder / f"{key}{PART}"
            try:
                n_bytes = await self._write(path, chunks, key)
                _refuse_short(n_bytes, declared)
            except BaseException:
                with contextlib.suppress(OSError):
                    path.unlink()
                raise
        return Received(path, name, n_bytes)

    @contextlib.contextmanager
    def _room(self, declared: int | None) -> Iterator[str]:
        """The key of an upload for which there is room."""
        if len(self._taken) >= AT_ONCE:
            raise Refusal.busy(f"{AT_ONCE} files are being received already.")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._refuse_large("", declared or 0)
        key = secrets.token_hex(8)
        self._taken[key] = declared or 0
        try:
            yield key
        finally:
            del self._taken[key]

    async def _write(self, path: Path, chunks: AsyncIterator[bytes], key: str) -> int:
        n_bytes, block, pace = 0, bytearray(), _Pace()
        with open(path, "xb") as file:
            while (chunk := await pace.next(chunks)) is not None:
                block += chunk
                n_bytes += len(chunk)
                if n_bytes > self.most:
                    self._refuse_large(key, n_bytes)
                if len(block) >= BLOCK:
                    self._taken[key] = max(self._taken[key], n_bytes)
                    self._refuse_large(key, n_bytes)
                    await asyncio.to_thread(_put, file.fileno(), bytes(block))
                    block.clear()
            self._refuse_large(key, n_bytes)
            await asyncio.to_thread(_put, file.fileno(), bytes(block))
        return n_bytes

    def _refuse_large(self, key: str, n_bytes: int) -> None:
        """Raises Refusal where a file of ``n_bytes`` has no place: it alone, with all others, or on the disk."""
        if n_bytes > self.most:
            raise Refusal(
                413,
                "too_large",
                f"The file has more than {_mebi(self.most)}.",
                "Give a smaller one, or start the app with a larger --upload-mb.",
            )
        others = sum(taken for other, taken in self._taken.items() if other != key)
        if self._kept() + others + n_bytes > self.quota:
            raise Refusal(
                507,
                "quota",
                f"All uploaded files together would have more than {_mebi(self.quota)}.",
                "Remove data that are no longer needed, or start the app with a larger --quota-mb.",
            )
        if shutil.disk_usage(self.folder).free - (0 if key else n_bytes) < KEPT_FREE:
            why = f"With this file the disk would have less than {_mebi(KEPT_FREE)} left."
            raise Refusal(507, "disk", why, "Make room, then send it again.")


def _put(file: int, block: bytes) -> None:
    """Write all of ``block``. Raises Refusal where the disk does not take it."""
    try:
        rest = memoryview(block)
        while rest:
            rest = rest[os.write(file, rest) :]
    except OSError as error:
        why = f"The file cannot be written ({error.strerror})."
        raise Refusal(507, "disk", why, "Make room, then send it again.") from error


class _Pace:
    """Takes chunks, and ends an upload that stands still or creeps: it would hold a place that others wait for."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._until = asyncio.get_running_loop().time() + SLOW_SECONDS
        self._missing = LEAST_BYTES

    async def next(self, chunks: AsyncIterator[bytes]) -> bytes | None:
        """The next chunk; None at the end. Raises Refusal where too little comes."""
        try:
            async with asyncio.timeout_at(self._until):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return None
        except TimeoutError as error:
            raise Refusal(408, "slow", "The file comes too slowly.", "Send it again.") from error
        self._missing -= len(chunk)
        if self._missing <= 0:
            self._begin()
        return chunk


def _refuse_short(n_bytes: int, declared: int | None) -> None:
    if declared is not None and n_bytes != declared:
        raise Refusal(400, "cut_off", f"Only {n_bytes:,} of {declared:,} bytes have come.", "Send the file again.")
    if not n_bytes:
        raise Refusal(422, "empty", "The file is empty.", "It was probably not written or downloaded completely.")


def clean_name(name: str) -> str:
    """A name that a file may have on this machine, from one that somebody gave: its last part, with letters, figures,
    dots, dashes and underlines only, and the ending that it had. Raises Refusal for a file that no reader takes.
    """
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    plain = re.sub(r"[^\w.-]+", "_", last.encode("utf-8", "ignore").decode())
    ending = next((kind for kind in sorted(KINDS, key=len, reverse=True) if plain.lower().endswith(kind)), None)
    if ending is None:
        shown = re.sub(r"\W", "", last.rpartition(".")[2])[:12] if "." in last else ""
        what = f"Files that end in .{shown}" if shown else "Files without an ending"
        book = f".{shown.lower()}" in WORKBOOKS
        raise Refusal(415, "kind", f"{what} are not read as data.", SAVE_AS if book else READ)
    stem = plain[: -len(ending)].strip("._-") or "data"
    while len((stem + ending).encode()) > LONGEST_NAME:
        stem = stem[:-1]
    return stem + plain[-len(ending) :].lower()


def _mebi(n_bytes: int) -> str:
    return f"{n_bytes / 2**20:,.0f} MiB" if n_bytes >= 2**20 else f"{n_bytes:,} bytes"
