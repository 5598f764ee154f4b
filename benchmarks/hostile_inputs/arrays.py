"""Arrays that lie: npz and npy with objects, impossible heads and bombs; IDX files whose numbers are not true."""

from __future__ import annotations

import gzip
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hostile_inputs.kit import (
    CANARY,
    CLASSES,
    LABELS,
    Act,
    Bomb,
    Case,
    N,
    family,
    fit,
    fit_file,
    images,
    imports,
    npy,
    npy_head,
    pickled,
    zipped,
)

Made = Callable[[Path], Act]


def npz(method: int = zipfile.ZIP_STORED, **arrays: bytes) -> bytes:
    good = {"images": npy(images()), "labels": npy(LABELS)}
    return zipped({f"{name}.npy": content for name, content in {**good, **arrays}.items()}, method)


def objects(*values: Any) -> bytes:
    array = np.empty(len(values), object)
    array[:] = values
    return npy(array)


def pair(**arrays: bytes) -> Made:
    """Two .npy files in a folder."""

    def make(folder: Path) -> Act:
        for name, content in {"images": npy(images()), "labels": npy(LABELS), **arrays}.items():
            (folder / f"{name}.npy").write_bytes(content)
        return fit(folder, folder / "images.npy")

    return make


BOMBS = objects(*[Bomb() for _ in range(N)])
HEADS = {
    "shape of minus one": npy_head("(-1, 6, 5)"),
    "shape of 2**64": npy_head(f"({2**64}, 6, 5)"),
    "shape of fractions": npy_head("(40.0, 6, 5)"),
    "shape of texts": npy_head("('40', 6, 5)"),
    "shape that calls": npy_head(f"__import__('{CANARY}')"),
    "shape that is a comprehension": npy_head("tuple(i for i in (40, 6, 5))"),
    "shape with a power": npy_head("(9**9**9, 6, 5)"),
    "shape of a million axes": npy_head("(" + "1," * 100_000 + ")"),
    "type that calls": npy_head("(40, 6, 5)", f"__import__('{CANARY}').Trap"),
    "type of objects": npy_head("(40, 6, 5)", "'|O'"),
    "type of fields with objects": npy_head("(40,)", "[('a', '|O'), ('b', '|u1')]"),
    "type of nothing": npy_head("(40, 6, 5)", "''"),
    "type of none": npy_head("(40, 6, 5)", "None"),
    "type of zero bytes": npy_head("(40, 6, 5)", "'|S0'"),
    "type of 2 GB": npy_head("(40, 6, 5)", "'|V2000000000'"),
    "type of long doubles": npy_head("(40, 6, 5)", "'<f16'"),
    "type of complex numbers": npy(images().astype(np.complex64)),
    "type of half numbers with NaN": npy(np.full((N, 6, 5), np.nan, np.float16)),
    "type of infinities": npy(np.full((N, 6, 5), np.inf)),
    "type of texts": npy(images().astype("U3")),
    "type of booleans": npy(images() > 127),
    "order that is a text": npy_head("(40, 6, 5)", fortran="'yes'"),
    "not a mapping": b"\x93NUMPY\x01\x00\x06\x00[1, 2]" + bytes(2000),
    "a walrus": b"\x93NUMPY\x01\x00\x0e\x00{(a := 5): 'b'}" + bytes(2000),
    "version 9": b"\x93NUMPY\x09\x00" + npy(images())[8:],
    "no head": b"\x93NUMPY",
    "a head of 4 GB": b"\x93NUMPY\x02\x00\xfe\xff\xff\xff{",
    "a head of zeros": b"\x93NUMPY\x01\x00\x76\x00" + bytes(2000),
    "a head that is no text": b"\x93NUMPY\x03\x00\x76\x00\x00\x00" + b"\xff" * 2000,
    "half of its pixels": npy(images())[:-600],
    "nine axes": npy(np.zeros((N, 1, 1, 1, 1, 1, 1, 1, 1), np.uint8)),
    "no axis": npy(np.uint8(3)),
    "no pictures": npy(np.zeros((0, 6, 5), np.uint8)),
    "no pixels": npy(np.zeros((N, 0, 5), np.uint8)),
    "one pixel": npy(np.zeros((N, 1, 1), np.uint8)),
    "a strip of a million pixels": npy(np.zeros((N, 1, 1_000_000), np.uint8)),
    "17 channels": npy(np.zeros((N, 6, 5, 17), np.uint8)),
}


def idx(magic: bytes, *sizes: int, content: bytes = b"") -> bytes:
    return magic + b"".join(struct.pack(">I", size & 0xFFFFFFFF) for size in sizes) + content


IDX_IMAGES = idx(b"\0\0\x08\x03", N, 6, 5, content=images().tobytes())
IDX_LABELS = idx(b"\0\0\x08\x01", N, content=LABELS.astype(np.uint8).tobytes())
IDX = {
    "4 billion pictures": (idx(b"\0\0\x08\x03", 2**32 - 1, 6, 5, content=bytes(1200)), IDX_LABELS),
    "pictures of 2**64 pixels": (idx(b"\0\0\x08\x03", N, 2**32 - 1, 2**32 - 1, content=bytes(1200)), IDX_LABELS),
    "pictures of nothing": (idx(b"\0\0\x08\x03", N, 0, 0), IDX_LABELS),
    "255 axes": (b"\0\0\x08\xff" + b"\0\0\0\1" * 255 + b"\0", IDX_LABELS),
    "no axis": (b"\0\0\x08\0" + bytes(50), IDX_LABELS),
    "unknown type": (b"\0\0\x07\3" + IDX_IMAGES[4:], IDX_LABELS),
    "doubles": (b"\0\0\x0e\3" + IDX_IMAGES[4:], IDX_LABELS),
    "one byte too many": (IDX_IMAGES + b"x", IDX_LABELS),
    "one byte too few": (IDX_IMAGES[:-1], IDX_LABELS),
    "only a magic number": (IDX_IMAGES[:4], IDX_LABELS),
    "labels of pictures": (IDX_LABELS, IDX_IMAGES),
    "labels that lie": (IDX_IMAGES, idx(b"\0\0\x08\1", 2**31, content=bytes(40))),
    "fewer labels": (IDX_IMAGES, idx(b"\0\0\x08\1", 39, content=bytes(39))),
    "one class": (IDX_IMAGES, idx(b"\0\0\x08\1", N, content=bytes(N))),
    "a gzip bomb": (gzip.compress(idx(b"\0\0\x08\3", 2**31, 6, 5, content=bytes(20_000_000)), mtime=0), IDX_LABELS),
    "half a gzip": (gzip.compress(IDX_IMAGES, mtime=0)[:-9], IDX_LABELS),
    "gzip in gzip": (gzip.compress(gzip.compress(IDX_IMAGES, mtime=0), mtime=0), IDX_LABELS),
    "a gzip head alone": (b"\x1f\x8b\x08\0", IDX_LABELS),
}


def idx_files(content: tuple[bytes, bytes]) -> Made:
    def make(folder: Path) -> Act:
        place = folder / "mnist"
        place.mkdir()
        for name, part in zip(("train-images-idx3-ubyte", "train-labels-idx1-ubyte"), content, strict=True):
            (place / (name + ".gz" * part.startswith(b"\x1f\x8b"))).write_bytes(part)
        return fit(folder, place)

    return make


def bomb_npz(name: str) -> bytes:
    head = npy_head("(40, 3000, 5000)", size=0)
    return npz(zipfile.ZIP_DEFLATED, **{name: head + bytes(60_000_000)})


def npz_files() -> dict[str, Made]:
    made: dict[str, bytes | Callable[[], bytes]] = {
        "a pickle as labels": npz(labels=BOMBS),
        "a pickle as pictures": npz(images=BOMBS),
        "a pickle beside good arrays": npz(extra=BOMBS),
        "a pickle in a member without a name": zipped({".npy": BOMBS, "images.npy": npy(images()), "labels": b""}),
        "a bare pickle as a member": npz(labels=pickled()),
        "an old pickle as a member": npz(labels=imports()),
        "a bare pickle": pickled(),
        "an old pickle": imports(),
        "objects that are texts": npz(labels=objects(*CLASSES)),
        "a bomb of pictures": lambda: bomb_npz("images"),
        "a bomb of labels": lambda: bomb_npz("labels"),
        "members that lead out": zipped({"../images.npy": npy(images()), "/labels.npy": npy(LABELS)}),
        "the same member twice": zipped([("images.npy", npy(images())), ("images.npy", BOMBS), ("labels.npy", BOMBS)]),
        "no members": zipped({}),
        "a member that is no array": npz(labels=b"no array"),
        "one label": npz(labels=npy(np.zeros(N, int))),
        "a class for each picture": npz(labels=npy(np.arange(N))),
        "labels of two axes": npz(labels=npy(np.zeros((N, 3)))),
        "labels of NaN": npz(labels=npy(np.full(N, np.nan))),
        "labels of 2**63": npz(labels=npy(np.full(N, 2**63, np.uint64) + LABELS.astype(np.uint64))),
        "labels of escapes": npz(labels=npy(np.array(["\x1b[2J\x1b[31m" + label for label in CLASSES]))),
        "labels of surrogates": npz(labels=npy(np.array(["\ud800" + label for label in CLASSES]))),
        "labels that end in zeros": npz(labels=npy(np.array([b"a\0b", b"a\0c"] * (N // 2)))),
        "labels of no time": npz(labels=npy(np.array(["NaT"] * N, "M8[s]"))),
        "a picture of other sizes": npz(images=objects(*[images()[0]] * (N - 1), images()[0][:2])),
        "not a zip": b"PK\x03\x04" + bytes(500),
        "a zip in a zip": zipped({"images.npy": npz(), "labels.npy": npz()}),
    }
    return {name: fit_file("a.npz", content) for name, content in made.items()}


def cases() -> list[Case]:
    heads = {name: pair(images=content) for name, content in HEADS.items()}
    labels = {
        f"labels, {name}": pair(labels=content)
        for name, content in HEADS.items()
        if name.startswith(("shape", "type of o", "type that", "no ", "order", "not"))
    }
    return [
        *family("npz members and pickles", npz_files()),
        *family("npy heads", heads | labels),
        *family("IDX numbers", {name: idx_files(content) for name, content in IDX.items()}),
    ]
