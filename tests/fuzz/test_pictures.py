"""Every reader of pictures, from the file to the stored splits: what is refused leaves nothing behind."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image

from archsmith.automl.modality import modality_of
from archsmith.automl.settings import FitSettings
from archsmith.bundle.images import ImageIntake
from archsmith.core.errors import ArchsmithError

pandas = pytest.importorskip("pandas")
pyarrow = pytest.importorskip("pyarrow")
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (24, 6, 5), np.uint8)
LABELS = np.arange(24) % 2
INTAKE = ImageIntake.of_shape((1, 6, 5), (0.5,), (0.5,))


def picture(image: np.ndarray = IMAGES[0], kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind)
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return buffer.getvalue()


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def parquet(columns: dict[str, Any], **options: Any) -> bytes:
    from pyarrow import parquet as files

    buffer = io.BytesIO()
    files.write_table(pyarrow.table(columns), buffer, **options)
    return buffer.getvalue()


PNGS = [picture(image) for image in IMAGES]
CLASSES = ["ab"[label] for label in LABELS]
TREE = {f"{label}/{i}.png": content for i, (label, content) in enumerate(zip(CLASSES, PNGS, strict=True))}
ARRAYS = {"images.npy": npy(IMAGES), "labels.npy": npy(LABELS)}
PACKED = {
    "blob.npy": npy(np.frombuffer(b"".join(PNGS), np.uint8)),
    "offsets.npy": npy(np.cumsum([0, *map(len, PNGS)])),
    "labels.npy": npy(LABELS),
    "class_names.npy": npy(np.array(["a", "b"])),
}
TABLE = "file,label,split\n" + "".join(f"{i}.png,{name},train\n" for i, name in enumerate(CLASSES))
ROWS = {"image": PNGS, "label": CLASSES}
CELLS = {"image": [{"bytes": None, "path": f"{i}.png"} for i in range(24)], "label": LABELS}
PATHS = {"image": [f"{i}.png" for i in range(24)], "label": LABELS / 7}

# name of a file -> what it holds when it is good
FILES: dict[str, bytes] = {
    "images.npy": ARRAYS["images.npy"],
    "labels.npy": ARRAYS["labels.npy"],
    "plain.npz": zipped(ARRAYS, zipfile.ZIP_STORED),
    "packed.npz": zipped(PACKED),
    "a.zip": zipped(TREE, zipfile.ZIP_STORED),
    "b.zip": zipped(TREE),
    "a.csv": TABLE.encode(),
    "utf16.csv": TABLE.encode("utf-16"),
    "a.tsv": TABLE.replace(",", "\t").encode(),
    "bytes.parquet": parquet(ROWS),
    "cells.parquet": parquet(CELLS, compression="zstd"),
    "paths.parquet": parquet(PATHS, use_dictionary=False),
    "train-images-idx3-ubyte": idx(IMAGES),
    "train-labels-idx1-ubyte": idx(LABELS),
    "train-images-idx3-ubyte.gz": gzip.compress(idx(IMAGES), mtime=0),
}


def load(source: Any, **more: Any) -> None:
    """As a job does it. What is refused leaves nothing behind."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "data"
        try:
            chosen = FitSettings(data=source, **more)
            modality_of(chosen).load(chosen, root, None, lambda *told: None)
        except ArchsmithError:
            left = [path.name for path in root.rglob("*")] if root.exists() else []
            assert [name for name in left if name != "lock" and not name.endswith(".lock")] == [], "left behind"
            raise


def ask(path: Path) -> None:
    """As a prediction does it."""
    for _ in INTAKE.asked([str(path)]).windows():
        pass


def beside(folder: Path, name: str) -> Path:
    """``folder`` with the good files that belong to the file ``name``."""
    partners = {"images.npy": "labels.npy", "labels.npy": "images.npy"}
    partners |= {
        "train-images-idx3-ubyte": "train-labels-idx1-ubyte",
        "train-labels-idx1-ubyte": "train-images-idx3-ubyte",
    }
    partners |= {"train-images-idx3-ubyte.gz": "train-labels-idx1-ubyte"}
    if name in partners:
        (folder / partners[name]).write_bytes(FILES[partners[name]])
    if name.endswith(("csv", "tsv", "parquet")):
        for i, content in enumerate(PNGS):
            (folder / f"{i}.png").write_bytes(content)
    return folder / name


@pytest.mark.parametrize("name", FILES)
def test_the_good_files_are_read(name: str, tmp_path: Path) -> None:
    beside(tmp_path, name).write_bytes(FILES[name])
    load(str(tmp_path / name))


@pytest.mark.parametrize("name", FILES)
def test_an_edited_file(name: str, hunt: Any) -> None:
    def tried(example: Any) -> None:
        with tempfile.TemporaryDirectory() as place:
            path = beside(Path(place), name)
            path.write_bytes(hunt.edited(FILES[name], *example))
            if name.endswith((".zip", ".csv", ".tsv")):
                hunt.once(ask, path)
            load(str(path))

    hunt(hunt.edits, tried)


@pytest.mark.parametrize("members", [ARRAYS, PACKED], ids=["arrays", "packed"])
def test_an_edited_array_in_an_npz(members: dict[str, bytes], hunt: Any) -> None:
    """The zip itself is whole, so that numpy meets the array."""

    def tried(example: Any) -> None:
        name, edit = example
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "a.npz"
            path.write_bytes(zipped(members | {name: hunt.edited(members[name], *edit)}))
            load(str(path))

    hunt(st.tuples(st.sampled_from(sorted(members)), hunt.edits), tried)


LENGTHS = st.sampled_from([0, 1, 5, 6, 24, -1, 2**31, 2**32, 2**62, 2**63 - 1, 2**63, 10**30, True, 1.5, "6"])
KINDS = (
    "|u1 |b1 <f4 <f8 >f2 <i8 <u8 <c8 <m8[s] <M8[D] |O |V1 |V1000000000 <U0 <U4 <U500000000 |S3 |S1000000000 x".split()
)
DESCR = st.sampled_from([*KINDS, [], [("a", "|u1")], [("a", "|u1", (10**9,))], ("|u1", (2, 3)), 5, None, {}])
SHAPES = (
    st.sampled_from([(24, 6, 5), (24,)])
    | st.lists(LENGTHS, max_size=5).map(tuple)
    | st.sampled_from([24, None, (1,) * 70])
)


@pytest.mark.parametrize("inside", [False, True], ids=["npy", "npz"])
def test_any_head_of_an_array(inside: bool, hunt: Any) -> None:
    def tried(example: Any) -> None:
        name, shape, descr, fortran, version, extra, more = example
        head = str({"descr": descr, "fortran_order": fortran, "shape": shape, **extra}).encode() + more + b"\n"
        length = struct.pack("<H" if version == 1 else "<I", len(head))
        content = b"\x93NUMPY" + bytes([version, 0]) + length + head + bytes(24 * 6 * 5 * 8)
        with tempfile.TemporaryDirectory() as place:
            if inside:
                (Path(place) / "a.npz").write_bytes(zipped(ARRAYS | {name: content}))
                load(str(Path(place) / "a.npz"))
            else:
                for other, good in ARRAYS.items():
                    (Path(place) / other).write_bytes(content if other == name else good)
                load(place)

    fortran = st.booleans() | st.sampled_from([1, None, "x"])
    extra = st.sampled_from([{}, {"more": 1}, {"a": {}}])
    more = st.sampled_from([b"", b" ", b" " * 20_000, b"'''", b"(" * 300, b"\0", b"\xff", b"+{[]: 1}"])
    hunt(
        st.tuples(
            st.sampled_from(sorted(ARRAYS)), SHAPES, DESCR, fortran, st.sampled_from([1, 2, 3, 0, 9]), extra, more
        ),
        tried,
    )


KINDS_OF_PICTURES = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM", "JPEG2000", "TGA", "ICO")


@pytest.mark.parametrize("kind", KINDS_OF_PICTURES)
def test_an_edited_picture(kind: str, hunt: Any) -> None:
    """Alone, when it is predicted, and among good ones, where it is passed over."""
    colour = np.repeat(IMAGES[0][:, :, None], 3, 2)
    good = picture(colour if kind in ("WEBP", "TGA", "ICO") else IMAGES[0], kind)

    def tried(example: Any) -> None:
        content = hunt.edited(good, *example)
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "a.png"
            path.write_bytes(content)
            ask(path)
            load(([*PNGS, content], [*CLASSES, "a"]))

    hunt(hunt.edits, tried)


def test_odd_folders(hunt: Any) -> None:
    """Names of classes and files of all kinds, links, folders that look like pictures."""
    if os.name != "posix":
        pytest.skip("names of files are bytes on Unix")
    names = st.sampled_from(
        [b"a", b"b", b"\xff", b"train", b"test", b"VAL", b".x", b"__x", b"a\nb", b"\x1b[0m", "é".encode(), b"x" * 200]
    )
    files = st.sampled_from(
        [
            b"0.png",
            b"\xff.png",
            b"a\nb.jpg",
            b".hidden.png",
            b"x.png.",
            b"0.PNG",
            b"labels.npy",
            b"t10k-images-idx3-ubyte",
        ]
    )
    things = st.sampled_from(["good", "good", "good", "empty", "text", "folder", "gone", "loop", "pipe", "device"])

    def tried(example: Any) -> None:
        with tempfile.TemporaryDirectory() as place:
            for folder, inner, file, thing in example:
                base = os.path.join(os.fsencode(place), folder, *inner)
                try:
                    os.makedirs(base, exist_ok=True)
                    put(os.path.join(base, file), thing)
                except (FileExistsError, NotADirectoryError):
                    continue
            for name in ("a", "b"):
                os.makedirs(os.path.join(place, name), exist_ok=True)
                for i in range(12):
                    with open(os.path.join(place, name, f"good{i}.png"), "wb") as file:
                        file.write(PNGS[i])
            hunt.once(ask, Path(place))
            load(place)

    hunt(st.lists(st.tuples(names, st.lists(names, max_size=2), files, things), max_size=8), tried)


def put(path: bytes, thing: str) -> None:
    if thing == "folder":
        os.mkdir(path)
    elif thing in ("gone", "loop", "device"):
        os.symlink({"gone": b"nowhere", "loop": os.path.basename(path), "device": b"/dev/zero"}[thing], path)
    elif thing == "pipe":
        os.mkfifo(path)
    else:
        with open(path, "xb") as file:
            file.write({"good": PNGS[0], "empty": b"", "text": b"hello"}[thing])


# In memory

LONG = "x" * 100_000
THINGS: tuple[Any, ...] = (None, True, 0, -1, 3, 255, 10**400, 10**4000, 2**63, 0.5, float("nan"), float("inf"), 1j)
THINGS += ("", "a", "0.png", "\ud800.png", "~nobody123/a.png", "a\0.png", "http://a/b.png", LONG, b"", b"x", PNGS[0])
THINGS += (bytearray(PNGS[0]), (), [], {}, {1}, [[]], [1, [2]], IMAGES[0], IMAGES[0] / 255, np.zeros((0, 5)))
THINGS += (np.zeros((6, 5), complex), np.float64(1), np.array("a"), np.zeros(3, "m8[s]"), np.zeros((6, 5), "M8[s]"))
THINGS += (np.zeros((2, 3), "V3"), Image.fromarray(IMAGES[0]), Image.new("CMYK", (3, 3)), object(), Path("a.png"))
THINGS += (np.timedelta64(1), np.datetime64("NaT"), np.ma.masked, pandas.NA, pandas.NaT)
ODD = st.integers(0, len(THINGS) - 1).map(THINGS.__getitem__)  # some of them have no hash
MANY_ODD = st.lists(ODD, min_size=0, max_size=3).map(lambda some: (some * 24)[:24]) | st.lists(ODD, max_size=30)
ANY = ODD | MANY_ODD | st.just(list(IMAGES)) | st.just(CLASSES) | st.just(IMAGES) | st.just(LABELS)


def test_anything_in_memory(hunt: Any) -> None:
    hunt(ANY | st.tuples(ANY, ANY), lambda example: load(example, modality="image"))


def test_a_frame_of_anything(hunt: Any) -> None:
    cells = st.lists(ODD, min_size=1, max_size=3).map(lambda some: (some * 24)[:24])

    def tried(example: Any) -> None:
        images, labels, name = example
        load(
            pandas.DataFrame({name: pandas.Series(images, dtype=object), "label": pandas.Series(labels, dtype=object)})
        )

    hunt(st.tuples(cells | st.just(PNGS), cells | st.just(CLASSES), st.sampled_from(["image", "x", ""])), tried)
