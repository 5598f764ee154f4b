"""A folder of stored pictures while it is written.

Pictures are appended to plain files, and a small state file says how many of them count.

After a crash the files are cut back to what the state says, and the work goes on from there. Each file is a ``.npy``
whose head is written last, when its length is known. Appending to a file takes no memory of the process; writing into a
memory map would.
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

from archsmith.core.files import write_text
from archsmith.data.examples import SPLITS
from archsmith.data.images.checks import fingerprints, is_flat
from archsmith.data.images.decode import Pixels

HEAD = 128  # bytes kept for the head of a .npy file; the longest that is written here has about 90
STATE = "state.json"
BLOCK = 256  # pictures that are written at once
KEPT_ORIGINALS = 10_000


class Growing:
    """A ``.npy`` file to which rows of ``shape`` are appended. When it is opened, it is cut back to ``n`` rows."""

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
        """Close the file. A finished one gets its head and is a ``.npy`` from then on (format 1.0)."""
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
    """The files of pictures ``shape`` ``(H, W, C)`` in ``folder``. Where the folder has some already, it goes on.

    ``originals``: keep test pictures as they came, too.
    ``done``: index of the next picture of the source.
    ``flat``: how many pictures are of one colour, by split.
    ``skipped``: (name, reason) of pictures that could not be read.
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
        self._waiting: dict[str, list[tuple[int, Pixels]]] = {split: [] for split in SPLITS}

    def _state(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.folder / STATE).read_text(encoding="utf-8"))
            return found
        except (OSError, ValueError):
            return _nothing()

    def _open_all(self, state: dict[str, Any]) -> None:
        for split in SPLITS:
            rows = state["rows"][split]
            self._open(f"{split}_images", "|u1", self.shape, rows)
            self._open(f"{split}_prints", "<u8", (), rows)
            self._open(f"{split}_index", "<i8", (), rows)
        if self.originals:
            self._open("test_raw", "|u1", (), state["raw"][0])
            self._open("test_raw_shapes", "<i8", (3,), state["raw"][1])

    def _open(self, name: str, dtype: str, shape: tuple[int, ...], n: int) -> None:
        self.files[name] = Growing(self.folder / f"{name}.npy", dtype, shape, n)

    def add(self, split: str, index: int, pixels: Pixels) -> None:
        """Picture ``index`` of the source, at its final size."""
        waiting = self._waiting[split]
        waiting.append((index, pixels))
        if len(waiting) >= BLOCK:
            self._write(split)

    def add_original(self, pixels: Pixels) -> None:
        """A picture of the test split as it came. At most 10,000 are kept."""
        if self.files["test_raw_shapes"].n < KEPT_ORIGINALS:
            self.files["test_raw"].append(pixels.reshape(-1))
            self.files["test_raw_shapes"].append(np.array([pixels.shape]))

    def skip(self, name: str, reason: str) -> None:
        self.skipped.append((name, reason))

    def _write(self, split: str) -> None:
        waiting = self._waiting[split]
        if waiting:
            images = np.stack([pixels for _, pixels in waiting])
            self.files[f"{split}_images"].append(images)
            self.files[f"{split}_prints"].append(fingerprints(images))
            self.files[f"{split}_index"].append(np.array([index for index, _ in waiting]))
            self.flat[split] += int(is_flat(images).sum())
            waiting.clear()

    def commit(self, done: int) -> None:
        """From now on everything before picture ``done`` of the source counts."""
        for split in SPLITS:
            self._write(split)
        for file in self.files.values():
            file.flush()
        self.done = done
        rows = {split: self.files[f"{split}_index"].n for split in SPLITS}
        raw = [self.files[name].n if name in self.files else 0 for name in ("test_raw", "test_raw_shapes")]
        state = {"done": done, "rows": rows, "flat": self.flat, "skipped": self.skipped, "raw": raw}
        write_text(self.folder / STATE, json.dumps(state))

    def close(self, *, finished: bool = False) -> None:
        """Close all files; finished ones become whole ``.npy`` files."""
        for file in self.files.values():
            file.close(finished=finished)


def link(folder: Path, names: Sequence[str], target: Path) -> None:
    """Put the files ``names`` of ``folder`` into ``target`` too, as hard links or, where there are none, as copies."""
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        (target / name).unlink(missing_ok=True)
        try:
            os.link(folder / name, target / name)
        except OSError:
            shutil.copyfile(folder / name, target / name)
