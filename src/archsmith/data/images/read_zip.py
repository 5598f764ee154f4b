"""A zip of class folders. Nothing is unpacked to disk.

The zip holds class folders, with or without train, valid and test folders above them. One folder around everything is
allowed. What macOS adds and files that begin with a dot are passed over.

A zip may do harm when it is unpacked. So these are refused before any member is read: paths that lead out of the
archive, links, encryption, too many entries, and members that unpack to far more than their size (zip bombs; Fifield,
"A better zip bomb", WOOT 2019). A member is never read past the size that it declares.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import struct
import threading
import zipfile
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from archsmith.core.errors import DataError
from archsmith.core.files import reading, refuse_bomb, regular_size
from archsmith.data.images import decode as images
from archsmith.data.images.decode import LARGEST, SUFFIXES, Header
from archsmith.data.images.encoded import Encoded
from archsmith.data.images.read_folder import left_out, outside, parted, without_pictures
from archsmith.data.images.source import Source
from archsmith.data.splits import SPLIT_NAMES, split_codes

MAX_ENTRIES = 2_000_000
# bytes of the table of contents, which is read whole; enough for 2 million entries with names of 450 characters
MAX_DIRECTORY = 2**30
MAX_TOTAL = 64 * 2**30  # bytes of everything, unpacked
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
ENCRYPTED, PATCHED = 0x1 | 0x40 | 0x2000, 0x20  # bits of an entry's flags (APPNOTE.TXT 4.4.4)
HEAD = 1 << 16  # the first bytes of a member, where nearly every picture format has the size


class Members(Encoded):
    """Pictures in a zip, which is opened when the first picture is wanted. Another process opens it again."""

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self.path = path
        self.names = tuple(names)
        self._clear()

    def _clear(self) -> None:
        self._zip: zipfile.ZipFile | None = None
        self._process = 0
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "names": self.names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._clear()

    def __len__(self) -> int:
        return len(self.names)

    def name(self, index: int) -> str:
        return f"{self.path}/{self.names[index]}"

    def header(self, index: int) -> Header:
        try:
            return images.header(self._read(index, HEAD))
        except DataError:  # some formats have the size at the end; others are broken, which is said here
            return super().header(index)

    def content(self, index: int) -> bytes:
        return self._read(index, LARGEST + 1)

    def fingerprint(self) -> str:
        """From the checksums that the archive keeps, so that it stays the same when the file is copied or moved."""
        digest = hashlib.blake2b(digest_size=16)
        archive = self._archive()
        for name in self.names:
            info = archive.getinfo(name)
            digest.update(f"{name}\0{info.CRC}\0{info.file_size}\0".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def spec(self) -> dict[str, Any]:
        return {"kind": "members", "path": os.path.abspath(self.path), "names": list(self.names)}

    def _archive(self) -> zipfile.ZipFile:
        """The open zip. Threads share it, which is safe. A forked process opens its own: it would share the position in
        the file.
        """
        with self._lock:
            if self._zip is None or self._process != os.getpid():
                self._zip, self._process = _open(self.path), os.getpid()
            return self._zip

    def _read(self, index: int, n_bytes: int) -> bytes:
        """The first ``n_bytes`` of a member."""
        archive = self._archive()
        if self.names[index] not in archive.NameToInfo:
            raise DataError(f"The picture is no longer in the archive {str(self.path)!r}.", "Read the data again.")
        with reading("The picture cannot be unpacked", "Zip it again."):
            declared = archive.getinfo(self.names[index]).file_size
            with archive.open(self.names[index]) as member:
                # asked for more than it declares, it might unpack more
                content = member.read(min(n_bytes, declared))
        if len(content) > LARGEST:
            raise DataError(f"The picture is larger than {LARGEST >> 20} MiB.", "Make it smaller first.")
        return content


def pictures_in(path: Path) -> list[tuple[str, tuple[str, ...]]]:
    """Name and path, as a tuple, of every picture in a zip, sorted. Raises DataError for what is no zip, and for a zip
    that may do harm.
    """
    return _sorted_out(path)[0]


def _sorted_out(path: Path) -> tuple[list[tuple[str, tuple[str, ...]]], list[str], list[tuple[str, ...]]]:
    """The pictures in a zip, the names of its other files, and the paths of its folders. Raises DataError as
    ``pictures_in`` does.
    """
    _look_at_the_end(path)
    with _open(path) as archive:
        entries = archive.infolist()
        listed = _checked(path, entries)
    pictures = [(name, inner) for name, inner in listed if os.path.splitext(inner[-1])[1].lower() in SUFFIXES]
    known = {name for name, _ in pictures}
    others = [(name, inner) for name, inner in listed if name not in known]
    folders = [_parts(entry.filename) for entry in entries if entry.is_dir()] + [inner[:-1] for _, inner in others]
    seen = [inner for inner in folders if not any(part.startswith((".", "__")) for part in inner)]
    return pictures, [inner[-1] for _, inner in others], seen


def _parts(name: str) -> tuple[str, ...]:
    """The path of an entry, without what leads nowhere."""
    return tuple(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))


def read_zip(path: Path) -> Source:
    """The pictures in a zip of class folders. Raises DataError."""
    pictures, others, folders = _sorted_out(path)
    if not pictures:
        raise DataError(
            f"There are no pictures in the archive {str(path)!r}.",
            "It should hold one folder for each class, with files such as .png or .jpg.",
        )
    trees = _unwrapped([inner for _, inner in pictures])
    tops: dict[str, set[str]] = {}
    for inner in trees:
        if len(inner) > 1:
            tops.setdefault(inner[0], set()).add(inner[1] if len(inner) > 2 else "")
    has_splits, said = parted(tops, f"The archive {str(path)!r}")
    if max(len(inner) for inner in trees) < (3 if has_splits else 2):
        raise DataError(
            f"The pictures in {str(path)!r} do not lie in class folders.",
            "Make one folder for each class, put its pictures there, and zip it again.",
        )
    found = []
    for (name, _), inner in zip(pictures, trees, strict=True):
        if has_splits and inner[0].lower() in SPLIT_NAMES and len(inner) > 2:
            found.append((name, SPLIT_NAMES[inner[0].lower()], inner[1]))
        elif not has_splits and len(inner) > 1:
            found.append((name, "train", inner[0]))
    further = Counter(inner[0] for inner in trees if len(inner) > 1 and inner[0].lower() not in SPLIT_NAMES)
    further = further if has_splits else Counter()
    notes = (*said, *outside(len(pictures) - len(found) - further.total(), further))
    names, split, labels = zip(*found, strict=True)
    classes, codes = np.unique(labels, return_inverse=True)
    wrapped = pictures[0][1][: len(pictures[0][1]) - len(trees[0])]
    inside = [folder[len(wrapped) :] for folder in folders if folder[: len(wrapped)] == wrapped]
    depth = 2 if has_splits else 1
    meant = [f[depth - 1] for f in inside if len(f) >= depth and (depth == 1 or f[0].lower() in SPLIT_NAMES)]
    return Source(
        Members(path, names),
        codes.astype(np.int64),
        split_codes(split),
        path.stem or "zip",
        tuple(map(str, classes)),
        notes=(*notes, *without_pictures(meant, set(map(str, classes))), *left_out(others)),
    )


def _open(path: Path) -> zipfile.ZipFile:
    try:
        regular_size(path)
        with _whole(path):
            return zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise DataError(f"There is no file {str(path)!r}.", "Check the path.") from error


def _whole(path: Path) -> AbstractContextManager[None]:
    return reading(f"{str(path)!r} is not a whole zip archive", "Download or zip it again.")


def _look_at_the_end(path: Path) -> None:
    """Refuse what is no zip, what is cut off, and a table of contents that is too large. The record at the end of the
    file says it (APPNOTE.TXT 4.3.16).
    """
    with _whole(path):
        regular_size(path)
        with open(path, "rb") as file:
            head = file.read(4)
            size = file.seek(0, os.SEEK_END)
            # a comment of at most 64 KiB, the record itself, and the 64-bit ones before it
            file.seek(max(0, size - (1 << 16) - 98))
            tail = file.read()
            at = tail.rfind(b"PK\x05\x06")
            if at < 0 or len(tail) < at + 22:
                if head == b"PK\x03\x04":
                    raise DataError(
                        f"The zip archive {str(path)!r} is cut off.",
                        "It is probably not downloaded completely; download it again.",
                    )
                raise DataError(f"{str(path)!r} is not a zip archive.", "Give a zip of class folders.")
            n_entries, directory = struct.unpack_from("<HI", tail, at + 10)
            locator = tail.rfind(b"PK\x06\x07", 0, at)
            if (n_entries == 0xFFFF or directory == 0xFFFFFFFF) and locator >= 0:
                file.seek(struct.unpack_from("<Q", tail, locator + 8)[0])
                record = file.read(56)
                if len(record) == 56 and record[:4] == b"PK\x06\x06":
                    n_entries, directory = struct.unpack_from("<QQ", record, 32)
    if n_entries > MAX_ENTRIES or directory > MAX_DIRECTORY:
        raise _too_many(path, n_entries)


def _too_many(path: Path, n_entries: int) -> DataError:
    return DataError(
        f"The archive {str(path)!r} claims {n_entries:,} entries, more than {MAX_ENTRIES:,}.",
        "Unpack it and give the folder, if you trust it.",
    )


def _checked(path: Path, entries: Sequence[zipfile.ZipInfo]) -> list[tuple[str, tuple[str, ...]]]:
    """Name and path, as a tuple, of every file that counts, sorted. What may do harm is refused, also among the files
    that are passed over.
    """
    if len(entries) > MAX_ENTRIES:
        raise _too_many(path, len(entries))
    total = sum(entry.file_size for entry in entries)
    if total > MAX_TOTAL:
        raise DataError(
            f"The archive {str(path)!r} unpacks to {total / 2**30:,.0f} GiB, more than {MAX_TOTAL >> 30}.",
            "Give a smaller one.",
        )
    found: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        inner = _parts(entry.filename)
        _refuse_harm(path, entry, inner)
        passed_over = (
            any(part.startswith((".", "__")) for part in inner[:-1]) or inner[-1:] == () or inner[-1].startswith(".")
        )
        if passed_over or entry.is_dir():
            continue
        if entry.flag_bits & ENCRYPTED:
            raise DataError(
                f"The archive {str(path)!r} is encrypted.", "Unpack it with its password and give the folder."
            )
        if inner[-1].lower().endswith(ARCHIVES):
            raise DataError(
                f"The archive {str(path)!r} holds another one, {entry.filename!r}.",
                "Unpack the outer one and give what is inside.",
            )
        if entry.compress_type not in METHODS or entry.flag_bits & PATCHED:
            how = zipfile.compressor_names.get(entry.compress_type, f"number {entry.compress_type}")  # type: ignore[attr-defined]
            raise DataError(
                f"The archive {str(path)!r} is packed with a method that is not read here ({how}).",
                "Zip it again with the usual one, deflate.",
            )
        found[entry.filename] = inner
    return sorted(found.items())


def _refuse_harm(path: Path, entry: zipfile.ZipInfo, inner: tuple[str, ...]) -> None:
    name = entry.orig_filename  # zipfile itself cuts names at a zero byte
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name) or ".." in inner or "\0" in name:
        raise DataError(
            f"The archive {str(path)!r} holds the path {name!r}, which leads out of it.",
            "Do not trust it; zip the class folders again.",
        )
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise DataError(f"The archive {str(path)!r} holds a link, {name!r}.", "Zip the files themselves.")
    refuse_bomb(f"The member {name!r} of {str(path)!r}", entry.compress_size, entry.file_size)


def _unwrapped(trees: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """``trees`` without a folder around everything, as long as class folders remain below it."""
    while (
        len({inner[0] for inner in trees}) == 1 and trees[0][0].lower() not in SPLIT_NAMES and min(map(len, trees)) > 2
    ):
        trees = [inner[1:] for inner in trees]
    return trees
