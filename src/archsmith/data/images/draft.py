"""A cache in the making: pictures are appended to plain files, and a small state file says how far they count.

After a crash the files are cut back to what the state says, and the work goes on from there. Each file is a ``.npy``
whose head is written last, when its length is known; appending to files, unlike writing into a memory map, leaves
nothing in the memory of the process.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from archsmith.data.examples import SPLITS
from archsmith.data.images.checks import fingerprints, is_flat
from archsmith.data.images.decode import Pixels

HEAD = 128  # bytes kept for the head of a .npy file; the longest that is written here has about 90
STATE = "state.json"
BLOCK = 256  # pictures that are written at once
KEPT_ORIGINALS = 10_000


class Growing:
    """A ``.npy`` file of rows ``shape`` that is appended to, and cut back to ``n`` rows when it is opened."""

    def __init__(self, path: Path, dtype: str, shape: tuple[int, ...], n: int) -> None:
        self.path, self.dtype, self.shape, self.n = path, np.dtype(dtype), shape, n
        self._row_bytes = self.dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        self._file: IO[bytes] = open(path, "r+b" if path.exists() else "w+b")  # noqa: SIM115  # closed by close()
        end = HEAD + n * self._row_bytes
        size = self._file.seek(0, os.SEEK_END)
        if size < end and n:
            self._file.close()
            raise ValueError(f"{path.name} is shorter than it should be")
        self._file.truncate(end)
        self._file.seek(end)

    def append(self, rows: NDArray[Any]) -> None:
        self._file.write(np.ascontiguousarray(rows, self.dtype).data)
        self.n += len(rows)

    def flush(self) -> None:
        self._file.flush()

    def close(self, *, finished: bool = False) -> None:
        """Close the file; a finished one gets its head and is a ``.npy`` from then on (format version 1.0,
        numpy.lib.format).
        """
        if finished:
            text = f"{{'descr': {self.dtype.str!r}, 'fortran_order': False, 'shape': {(self.n, *self.shape)}, }}"
            self._file.seek(0)
            self._file.write(
                b"\x93NUMPY\x01\x00"
                + (HEAD - 10).to_bytes(2, "little")
                + text.ljust(HEAD - 11).encode("latin-1")
                + b"\n"
            )
        self._file.close()


def _nothing() -> dict[str, Any]:
    return {"done": 0, "rows": dict.fromkeys(SPLITS, 0), "flat": dict.fromkeys(SPLITS, 0), "skipped": [], "raw": [0, 0]}


class Draft:
    """The files of a cache in ``folder``, for pictures ``shape`` ``(H, W, C)``; goes on where it was left when there is
    one already.

    ``done`` is the index of the next picture of the source; ``flat`` counts pictures of one colour, by part;
    ``skipped`` lists (name, reason).
    """

    def __init__(self, folder: Path, shape: tuple[int, int, int], *, originals: bool) -> None:
        self.folder = folder
        self.shape = shape
        self.originals = originals
        self.files: dict[str, Growing] = {}
        folder.mkdir(parents=True, exist_ok=True)
        state = self._state()
        try:
            self._open_all(state)
        except ValueError:  # damaged by more than a crash: begin again
            self.close()
            state = _nothing()
            self._open_all(state)
        self.done: int = state["done"]
        self.flat: dict[str, int] = state["flat"]
        self.skipped: list[tuple[str, str]] = [(name, reason) for name, reason in state["skipped"]]
        self._waiting: dict[str, list[tuple[int, Pixels]]] = {part: [] for part in SPLITS}

    def _state(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.folder / STATE).read_text(encoding="utf-8"))
            return found
        except (OSError, ValueError):
            return _nothing()

    def _open_all(self, state: dict[str, Any]) -> None:
        for part in SPLITS:
            rows = state["rows"][part]
            self._open(f"{part}_images", "|u1", self.shape, rows)
            self._open(f"{part}_prints", "<u8", (), rows)
            self._open(f"{part}_index", "<i8", (), rows)
        if self.originals:
            self._open("test_raw", "|u1", (), state["raw"][0])
            self._open("test_raw_shapes", "<i8", (3,), state["raw"][1])

    def _open(self, name: str, dtype: str, shape: tuple[int, ...], n: int) -> None:
        self.files[name] = Growing(self.folder / f"{name}.npy", dtype, shape, n)

    def add(self, part: str, index: int, pixels: Pixels) -> None:
        """Picture ``index`` of the source, at its final size."""
        waiting = self._waiting[part]
        waiting.append((index, pixels))
        if len(waiting) >= BLOCK:
            self._write(part)

    def add_original(self, pixels: Pixels) -> None:
        """The same picture of the test split as it came; more than 10,000 are not kept."""
        if self.files["test_raw_shapes"].n < KEPT_ORIGINALS:
            self.files["test_raw"].append(pixels.reshape(-1))
            self.files["test_raw_shapes"].append(np.array([pixels.shape]))

    def skip(self, name: str, reason: str) -> None:
        self.skipped.append((name, reason))

    def _write(self, part: str) -> None:
        waiting = self._waiting[part]
        if waiting:
            images = np.stack([pixels for _, pixels in waiting])
            self.files[f"{part}_images"].append(images)
            self.files[f"{part}_prints"].append(fingerprints(images))
            self.files[f"{part}_index"].append(np.array([index for index, _ in waiting]))
            self.flat[part] += int(is_flat(images).sum())
            waiting.clear()

    def commit(self, done: int) -> None:
        """Everything before picture ``done`` of the source counts from now on."""
        for part in SPLITS:
            self._write(part)
        for file in self.files.values():
            file.flush()
        self.done = done
        rows = {part: self.files[f"{part}_index"].n for part in SPLITS}
        raw = [self.files[name].n if name in self.files else 0 for name in ("test_raw", "test_raw_shapes")]
        state = {"done": done, "rows": rows, "flat": self.flat, "skipped": self.skipped, "raw": raw}
        write_text(self.folder / STATE, json.dumps(state))

    def close(self, *, finished: bool = False) -> None:
        """Close all files; finished ones become whole ``.npy`` files."""
        for file in self.files.values():
            file.close(finished=finished)


def write_text(path: Path, text: str) -> None:
    """Write a whole file or none."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    os.replace(fresh, path)


def link(folder: Path, names: Sequence[str], target: Path) -> None:
    """The files ``names`` of ``folder`` in ``target`` too, as second names of the same content where the file system
    can.
    """
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        (target / name).unlink(missing_ok=True)
        try:
            os.link(folder / name, target / name)
        except OSError:
            shutil.copyfile(folder / name, target / name)
