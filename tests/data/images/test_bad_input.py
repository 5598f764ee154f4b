"""The catalogue of odd and bad input: what a person may have, and the one sentence or the repair that answers it.

Every case goes through ``prepare``, as the main job does. What is refused leaves nothing behind; what is repaired says
so, or gives the right pixels. The table in docs/how-to/own-pictures.md is this one in words.
"""

from __future__ import annotations

import gzip
import io
import os
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archsmith.core.errors import DataError
from archsmith.data.images.load import Loaded, load

pandas = pytest.importorskip("pandas")
RNG = np.random.default_rng(0)
N = 20  # pictures of each class


@dataclass(frozen=True)
class Refused:
    """``message`` and ``hint`` are parts of what is said. ``task`` is what is asked for."""

    message: str
    hint: str
    task: str = "auto"


@dataclass(frozen=True)
class Taken:
    """It works: ``said`` is part of a note or warning, ``skipped`` the number of pictures passed over, ``holds`` a look
    at the result.
    """

    said: str = ""
    skipped: int = 0
    holds: Callable[[Loaded], bool] = lambda found: True
    task: str = "auto"


Make = Callable[[Path], Any]
CASES: dict[str, tuple[Make, Refused | Taken]] = {}


def case(name: str, expected: Refused | Taken) -> Callable[[Make], Make]:
    """Add a row to the catalogue."""

    def add(make: Make) -> Make:
        assert name not in CASES
        CASES[name] = make, expected
        return make

    return add


# Good data, for one thing at a time to go wrong with.


def noise(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def encoded(image: Image.Image | np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(buffer, kind, **options)
    return buffer.getvalue()


def folder(root: Path, classes: str = "ab", n: int = N, size: tuple[int, ...] = (9, 7, 3)) -> Path:
    """Class folders of noise."""
    for name in classes:
        (root / name).mkdir(parents=True, exist_ok=True)
        for index in range(n):
            (root / name / f"{index:02}.png").write_bytes(encoded(noise(*size)))
    return root


def with_files(root: Path, files: dict[str, bytes], n: int = N) -> Path:
    """Class folders of noise, and ``files`` besides."""
    folder(root, n=n)
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def all_pixels(found: Loaded) -> np.ndarray:
    return np.concatenate([np.asarray(rows.images) for rows in found.splits.by_name.values()])


def holding(picture: np.ndarray) -> Callable[[Loaded], bool]:
    """Is ``picture`` among the pixels?"""
    return lambda found: any(np.array_equal(image, picture) for image in all_pixels(found))


def has_shape(*shape: int) -> Callable[[Loaded], bool]:
    return lambda found: found.splits.train.shape == shape


def counts(**sizes: int) -> Callable[[Loaded], bool]:
    return lambda found: {name: len(rows) for name, rows in found.splits.by_name.items()} == sizes


# Nothing, or not enough of it.


@case("a path that is not there", Refused("There is no file or folder", "Check the path"))
def _(root: Path) -> Any:
    return root / "nowhere"


@case("something that is no data at all", Refused("cannot be read from something of the type int", "Give a path"))
def _(root: Path) -> Any:
    return 42


@case("a path with a zero byte", Refused("There is no file or folder", "Check the path"))
def _(root: Path) -> Any:
    return f"{root}/a\0b"


@case("an empty file", Refused("is empty", "not written or downloaded completely"))
def _(root: Path) -> Any:
    (root / "data.npz").touch()
    return root / "data.npz"


@case("an empty folder", Refused("is empty", "one folder of pictures for each class"))
def _(root: Path) -> Any:
    return root


@case("pictures without class folders", Refused("do not lie in class folders", "one folder for each class"))
def _(root: Path) -> Any:
    (root / "0.png").write_bytes(encoded(noise(8, 8, 3)))
    return root


@case("class folders without pictures", Refused("no pictures", "such as .png or .jpg"))
def _(root: Path) -> Any:
    (root / "a").mkdir()
    (root / "a" / "notes.txt").write_text("hello")
    return root


@case("one class only", Refused("only one class, 'a'", "At least two"))
def _(root: Path) -> Any:
    return folder(root, "a")


@case("fewer than a dozen pictures", Refused("only 10 training pictures", "At least 12"))
def _(root: Path) -> Any:
    return folder(root, n=5)


@case("only classes with a single picture", Refused("No class has two pictures", "Give more of each class"))
def _(root: Path) -> Any:
    return folder(root, "abcdefghijklm", n=1)


@case("a class with a single picture", Taken("The class 'c' has a single training picture"))
def _(root: Path) -> Any:
    return with_files(root, {"c/0.png": encoded(noise(9, 7, 3))})


@case("classes of very different sizes", Taken("uneven"))
def _(root: Path) -> Any:
    return folder(folder(root, "a", n=100), "b", n=5)


@case("a folder with a test split but no training split", Refused("no training pictures", "named train"))
def _(root: Path) -> Any:
    folder(root / "training" / "a", "", n=0)
    (root / "training").mkdir(exist_ok=True)
    folder(root / "test")
    return root


# Broken pictures.


def broken(content: bytes) -> Make:
    return lambda root: with_files(root, {"a/bad.png": content})


JPEG = encoded(noise(64, 64, 3), "JPEG")
case("text in a .png", Taken("1 picture was left out", skipped=1))(broken(b"hello world"))
case("a picture of no bytes", Taken("1 picture was left out", skipped=1))(broken(b""))
case("a PNG that is cut off", Taken("1 picture was left out", skipped=1))(broken(encoded(noise(64, 64, 3))[:5000]))
case("a JPEG that is cut off", Taken("1 picture was left out", skipped=1))(broken(JPEG[: len(JPEG) // 2]))
case("a picture that claims 400 million pixels", Taken("claims more than 100,000,000 pixels", skipped=1))(
    broken(encoded(Image.new("1", (20_000, 20_000))))
)
case("a PNG with absurd sizes in its head", Taken("1 picture was left out", skipped=1))(
    broken(
        b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + struct.pack(">II5B", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0) + b"\0" * 30
    )
)


@case("more than 5 % of the pictures broken", Refused("3 of 43 pictures cannot be read", "up to 5 %"))
def _(root: Path) -> Any:
    return with_files(root, {f"a/bad{index}.png": b"nothing" for index in range(3)})


@case("only broken pictures", Refused("20 of 20 pictures cannot be read", "up to 5 %"))
def _(root: Path) -> Any:
    for index in range(N):
        (root / "ab"[index % 2]).mkdir(exist_ok=True)
        (root / "ab"[index % 2] / f"{index}.png").write_bytes(b"nothing")
    return root


@case("a test split that is all broken", Refused("None of the test pictures can be read", "Replace them"))
def _(root: Path) -> Any:
    folder(root / "train", n=50)
    folder(root / "valid")
    (root / "test" / "a").mkdir(parents=True)
    (root / "test" / "a" / "0.png").write_bytes(b"nothing")
    return root


@case("a link that leads nowhere", Taken("1 picture was left out", skipped=1))
def _(root: Path) -> Any:
    folder(root)
    (root / "a" / "link.png").symlink_to(root / "gone.png")
    return root


@case("a folder that is called like a picture", Taken(holds=lambda found: found.findings.n_skipped == 0))
def _(root: Path) -> Any:
    return with_files(root, {"a/album.png/extra.png": encoded(noise(9, 7, 3))})


@case("a picture without permission to read it", Taken("1 picture was left out", skipped=1))
def _(root: Path) -> Any:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    folder(root)
    (root / "a" / "00.png").chmod(0)
    return root


# Odd pictures, and what they become.

RED = np.zeros((9, 7, 3), np.uint8) + np.array([200, 10, 30], np.uint8)
HALF = np.concatenate([RED[:5], np.zeros((4, 7, 3), np.uint8)])  # asymmetric, so that a rotation shows


def one(content: Callable[[], bytes], name: str = "odd.png") -> Make:
    return lambda root: with_files(root, {f"a/{name}": content()})


def rotated() -> bytes:
    image = Image.fromarray(np.rot90(HALF).copy())
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned by 270 degrees
    return encoded(image, "TIFF", exif=exif)


def palette() -> bytes:
    image = Image.fromarray(HALF).quantize(2)
    return encoded(image, transparency=image.getpixel((0, 8)))


def over_white() -> np.ndarray:
    picture = HALF.copy()
    picture[5:] = 255
    return picture


case("a photograph that its EXIF turns", Taken(holds=holding(HALF)))(one(rotated, "odd.tif"))
case("transparency", Taken(holds=holding(over_white())))(
    one(lambda: encoded(np.dstack([HALF, np.where(np.arange(9) < 5, 255, 0).astype(np.uint8)[:, None].repeat(7, 1)])))
)
case("a palette with a transparent colour", Taken(holds=holding(over_white())))(one(palette))
case("CMYK", Taken(holds=lambda found: found.findings.n_skipped == 0 and has_shape(3, 9, 7)(found)))(
    one(lambda: encoded(Image.fromarray(HALF).convert("CMYK"), "TIFF"), "odd.tif")
)
case("an animation", Taken(holds=holding(HALF)))(
    one(
        lambda: encoded(Image.fromarray(HALF), save_all=True, append_images=[Image.fromarray(RED)], duration=50),
        "odd.png",
    )
)
case("an upper-case suffix", Taken(holds=holding(HALF)))(one(lambda: encoded(HALF), "ODD.PNG"))
case("a suffix that is not the format", Taken(holds=holding(HALF)))(one(lambda: encoded(HALF, "BMP"), "odd.jpg"))
case("a name of other letters", Taken(holds=holding(HALF)))(one(lambda: encoded(HALF), "日本 ü — ñ'\".png"))
case("a very long name", Taken(holds=holding(HALF)))(one(lambda: encoded(HALF), "x" * 240 + ".png"))
case(
    "a picture of one pixel",
    Taken("from 1 x 1 to 9 x 7 (height x width) were resized", holds=lambda found: found.findings.n_skipped == 0),
)(one(lambda: encoded(noise(1, 1, 3))))
case("a picture of 1 x 3000 pixels", Taken("were resized", holds=lambda found: found.findings.n_skipped == 0))(
    one(lambda: encoded(noise(1, 3000, 3)))
)
case("grey among coloured pictures", Taken("all are taken as coloured", holds=has_shape(3, 9, 7)))(
    one(lambda: encoded(noise(9, 7)))
)
case("a suffix that is unknown", Taken(holds=lambda found: sum(found.findings.n_examples.values()) == 2 * N))(
    one(lambda: b"odd", "odd.heic")
)
case("what systems leave behind", Taken(holds=lambda found: sum(found.findings.n_examples.values()) == 2 * N))(
    lambda root: with_files(
        root,
        {"a/.DS_Store": b"x", "b/Thumbs.db": b"x", "a/._0.png": b"x", ".git/a/0.png": b"x", "__MACOSX/a/0.png": b"x"},
    )
)


def grey(convert: Callable[[np.ndarray], Image.Image], kind: str, suffix: str) -> Make:
    """Class folders of grey pictures that are kept in another way: one of them is 0, 128, 255 from top to bottom."""

    def make(root: Path) -> Any:
        for name in "ab":
            (root / name).mkdir()
            for index in range(N):
                (root / name / f"{index}.{suffix}").write_bytes(encoded(convert(noise(6, 6)), kind))
        (root / "a" / f"steps.{suffix}").write_bytes(encoded(convert(STEPS), kind))
        return root

    return make


STEPS = np.repeat(np.array([0, 128, 255], np.uint8), 2)[:, None].repeat(6, 1)
SIXTEEN = holding(STEPS[..., None])
case("16-bit grey PNG", Taken(holds=SIXTEEN))(
    grey(lambda grey: Image.fromarray(np.rint(grey * 257.0).astype(np.uint16)), "PNG", "png")
)
case("16-bit grey TIFF", Taken(holds=SIXTEEN))(
    grey(lambda grey: Image.fromarray(np.rint(grey * 257.0).astype(np.uint16)), "TIFF", "tif")
)
case("fractions in a TIFF", Taken(holds=SIXTEEN))(
    grey(lambda grey: Image.fromarray((grey / 255).astype(np.float32)), "TIFF", "tif")
)
case("black and white of one bit", Taken(holds=holding(np.where(STEPS > 127, 255, 0).astype(np.uint8)[..., None])))(
    grey(lambda grey: Image.fromarray(grey).point(lambda value: 255 * (value > 127), "1"), "PNG", "png")
)
case("grey with transparency", Taken(holds=SIXTEEN))(
    grey(lambda grey: Image.merge("LA", (Image.fromarray(grey), Image.new("L", (6, 6), 255))), "PNG", "png")
)


def png_16_bit_colour() -> bytes:
    """Pillow writes no such PNG, but reads them."""
    import zlib

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    lines = b"".join(b"\0" + (row.astype(">u2") * 257).tobytes() for row in HALF)
    head = struct.pack(">II5B", 7, 9, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


case("16-bit colour PNG", Taken(holds=holding(HALF)))(one(png_16_bit_colour))


@case(
    "pictures of many sizes",
    Taken("were resized to", holds=lambda found: found.splits.test.original(0).shape != (found.splits.test.shape)),
)
def _(root: Path) -> Any:
    return folder(folder(root, "a", size=(100, 120, 3)), "b", size=(30, 40, 3))


@case("pictures that repeat", Taken("repeat"))
def _(root: Path) -> Any:
    return with_files(root, {f"a/twin{index}.png": encoded(RED if index else HALF) for index in range(10)})


@case("the same picture in two classes", Taken("another class than a picture just like it"))
def _(root: Path) -> Any:
    folder(root / "train")
    for name in "ab":
        (root / "train" / name / "same.png").write_bytes(encoded(HALF))
    folder(root / "valid")
    folder(root / "test")
    return root


@case("pictures of one single colour", Taken("of one single colour"))
def _(root: Path) -> Any:
    return with_files(root, {"a/red.png": encoded(RED)})


@case("nothing but single colours", Refused("Every picture is of one single colour", "check how they were made"))
def _(root: Path) -> Any:
    for index in range(40):
        (root / "ab"[index % 2]).mkdir(exist_ok=True)
        (root / "ab"[index % 2] / f"{index}.png").write_bytes(encoded(np.full((8, 8), index, np.uint8)))
    return root


# Parts.


@case("split folders of other names", Taken(holds=counts(train=2 * N, valid=6, test=4)))
def _(root: Path) -> Any:
    folder(root / "Training")
    folder(root / "VAL", n=3)
    folder(root / "testing", n=2)
    return root


@case("a training and a test folder only", Taken(holds=lambda found: found.findings.made == ("valid",)))
def _(root: Path) -> Any:
    return folder(folder(root / "train").parent / "test", n=3).parent


@case("test pictures that are in the training split", Taken("are in the training or validation split too"))
def _(root: Path) -> Any:
    folder(root / "train")
    folder(root / "test")
    for index in range(5):
        (root / "test" / "a" / f"{index:02}.png").write_bytes((root / "train" / "a" / f"{index:02}.png").read_bytes())
    return root


@case("a class that only the test split has", Refused("'c', which has no training pictures", "Every class needs some"))
def _(root: Path) -> Any:
    return folder(folder(root / "train").parent / "test", "abc").parent


# IDX.


def idx(array: np.ndarray, kind: int = 0x08) -> bytes:
    return bytes((0, 0, kind, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def idx_folder(images: bytes, labels: bytes | None = None) -> Make:
    def make(root: Path) -> Any:
        (root / "train-images-idx3-ubyte").write_bytes(images)
        if labels != b"":
            (root / "train-labels-idx1-ubyte").write_bytes(idx(MARKS) if labels is None else labels)
        return root

    return make


PICTURES, MARKS = noise(40, 8, 8), (np.arange(40) % 2).astype(np.uint8)
PACKED = gzip.compress(idx(PICTURES))
case("IDX with another magic number", Refused("not an IDX file", "two zero bytes"))(
    idx_folder(b"\x01\x02" + idx(PICTURES)[2:])
)
case("IDX of floats", Refused("type 0x0d", "Only bytes"))(idx_folder(idx(PICTURES, 0x0D)))
case("IDX with too few bytes", Refused("fewer bytes", "Download"))(idx_folder(idx(PICTURES)[:-7]))
case("IDX with too many bytes", Refused("more bytes", "Download"))(idx_folder(idx(PICTURES) + b"xyz"))
case("IDX that claims billions", Refused("claims", "broken"))(
    idx_folder(b"\0\0\x08\x03" + struct.pack(">3I", 2**31, 2**31, 2**31))
)
case("IDX whose gzip is cut off", Refused("cannot be unpacked", "cut off"))(idx_folder(PACKED[:-200]))
case("IDX with other counts", Refused("40 train images but 39 labels", "one label for each"))(
    idx_folder(idx(PICTURES), idx(MARKS[:-1]))
)
case("IDX without labels", Refused("no labels beside", "train-labels-idx1-ubyte"))(idx_folder(idx(PICTURES), b""))
case("gzipped IDX named as if it were not", Taken(holds=has_shape(1, 8, 8)))(idx_folder(PACKED))


# Arrays in files.


def npz(**arrays: Any) -> Make:
    def make(root: Path) -> Any:
        np.savez(root / "data.npz", **arrays)
        return root / "data.npz"

    return make


def raw(name: str, content: bytes) -> Make:
    def make(root: Path) -> Any:
        (root / name).write_bytes(content)
        return root / name

    return make


case("npz of Python objects", Refused("never unpickled", "plain number arrays"))(
    npz(images=np.array([{"a": 1}, None], dtype=object), labels=np.arange(2))
)
case("npz with labels that are Python objects", Refused("never unpickled", "plain number arrays"))(
    npz(images=PICTURES, labels=np.array(["a", None] * 20, dtype=object))
)
case("npz without labels", Refused("holds images, but no pair of images and labels", "images and labels"))(
    npz(images=PICTURES)
)
case("npz of something else", Refused("holds weights", "images and labels"))(npz(weights=PICTURES))
case("npz that is none", Refused("not a whole .npz", "numpy.savez"))(raw("data.npz", b"PK\x03\x04 not really"))
case("npz that is cut off", Refused("not a whole .npz", "numpy.savez"))(
    lambda root: raw("cut.npz", npz(images=PICTURES, labels=MARKS)(root).read_bytes()[:-50])(root)
)
case("npy without a partner", Refused("no pair of images and labels", "images and labels"))(
    lambda root: (np.save(root / "images.npy", PICTURES), root / "images.npy")[1]
)
case("npy that is cut off", Refused("is cut off", "Save it again"))(
    lambda root: (
        np.save(root / "labels.npy", MARKS),
        np.save(root / "full.npy", PICTURES),
        raw("images.npy", (root / "full.npy").read_bytes()[:-9])(root),
    )[2]
)
for suffix in ("pt", "pth", "pkl", "tar", "tar.gz", "h5", "xlsx", "mat"):
    case(f".{suffix}", Refused("cannot be read as data", "a folder of class folders or a zip"))(
        raw(f"data.{suffix}", b"\x80\x04...")
    )
case(
    "a picture instead of a folder",
    Refused("is a single picture, by its name", "one folder of pictures for each class"),
)(raw("cat.png", encoded(HALF)))
case("a text file", Refused("cannot be read as data", "a folder of class folders or a zip"))(
    raw("notes.txt", b"hello world, this is text")
)


# Arrays in memory.


def arrays(images: Any, labels: Any = MARKS) -> Make:
    return lambda root: (images, labels)


def nan(value: float) -> np.ndarray:
    images = PICTURES.astype(np.float64)
    images[3, 2, 1] = value
    return images


case("more images than labels", Refused("40 train images but 39 labels", "one label for each"))(
    arrays(PICTURES, MARKS[:-1])
)
case("NaN pixels", Refused("NaN", "Replace them"))(arrays(nan(np.nan)))
case("infinite pixels", Refused("infinite", "Replace them"))(arrays(nan(np.inf)))
case("negative pixels", Refused("negative", "0 to 255"))(arrays(nan(-1.0)))
case("pixels beyond 16 bits", Refused("values up to 1e+09", "16-bit"))(arrays(nan(1e9)))
case("complex pixels", Refused("type complex", "numbers"))(arrays(PICTURES.astype(np.complex128)))
case("fractions as pixels", Taken("multiplied by 255", holds=holding(PICTURES[0, ..., None])))(arrays(PICTURES / 255))
case("floats up to 255 as pixels", Taken(holds=holding(PICTURES[0, ..., None])))(arrays(PICTURES.astype(np.float32)))
case("16-bit pixels", Taken("multiplied by", holds=holding(PICTURES[0, ..., None])))(
    arrays(PICTURES.astype(np.uint16) * 257)
)
case(
    "booleans as pixels", Taken("multiplied by 255", holds=lambda found: set(np.unique(all_pixels(found))) == {0, 255})
)(arrays(PICTURES > 99))
case("channels first", Taken(holds=has_shape(3, 8, 9)))(arrays(noise(40, 3, 8, 9)))
case("seven channels", Refused("shape (40, 8, 8, 7)", "1 (grey), 3 (RGB)"))(arrays(noise(40, 8, 8, 7)))
case("flattened pictures", Refused("shape (40, 64)", "Reshape"))(arrays(PICTURES.reshape(40, 64)))
case("one picture only", Refused("shape (8, 8)", "Reshape"))(arrays(PICTURES[0], MARKS))
case("no pictures at all", Refused("no images", ""))(arrays([], []))
case("an array of Python objects", Refused("not pictures", "Give arrays"))(
    arrays(np.array([{}, {}] * 20, dtype=object))
)
case("a list of arrays of many sizes", Taken("were resized"))(arrays([noise(8 + i % 3, 9, 3) for i in range(40)]))
case("grey and coloured arrays", Taken("all are taken as coloured"))(
    arrays([noise(8, 8, 1 + 2 * (i % 2)) for i in range(40)])
)

case("one-hot labels", Refused("labels have the shape (40, 2)", "argmax"))(arrays(PICTURES, np.eye(2)[MARKS]))
case("labels in a column", Taken(holds=lambda found: found.splits.classes == ("0", "1")))(
    arrays(PICTURES, MARKS[:, None])
)
case("labels that are missing", Refused("Row 3", "leave out those without"))(
    arrays(PICTURES, [*MARKS[:3].tolist(), None, *MARKS[4:].tolist()])
)
case("labels that are NaN", Refused("Row 3", "leave out those without"))(
    arrays(PICTURES, [*MARKS[:3].tolist(), float("nan"), *MARKS[4:].tolist()])
)
case("labels of mixed types", Refused("different types", "only strings, or only numbers"))(
    arrays(PICTURES, np.array(["a", 1] * 20, object))
)
case(
    "whole numbers written as fractions", Taken("taken for classes", holds=lambda found: not found.splits.is_regression)
)(arrays(PICTURES, MARKS.astype(np.float64)))
case("numbers with fractions", Taken(holds=lambda found: found.splits.is_regression))(
    arrays(PICTURES, np.arange(40) / 7)
)
case(
    "fractions where classes are asked for",
    Refused("fractions, but classes", "--task regression", task="classification"),
)(arrays(PICTURES, np.arange(40) / 7))
case(
    "text where a number is asked for", Refused("'cat', which is not a number", "--task regression", task="regression")
)(arrays(PICTURES, ["cat", "dog"] * 20))
case(
    "a number that is always the same",
    Refused("is 7 for every training picture", "nothing to learn", task="regression"),
)(arrays(PICTURES, np.full(40, 7)))
case("numbers that are infinite", Refused("Row 0", "leave out those without"))(
    arrays(PICTURES, np.where(np.arange(40) == 0, np.inf, np.arange(40) / 7))
)
case("every label another class", Refused("No class has two pictures", "--task regression"))(
    arrays(PICTURES, np.arange(40))
)


# Zip.


def zipped(members: dict[str, bytes] | None = None, change: Callable[[zipfile.ZipFile], None] | None = None) -> Make:
    """A zip of class folders of noise, with ``members`` besides, ``change``d."""

    def make(root: Path) -> Any:
        with zipfile.ZipFile(root / "data.zip", "w", zipfile.ZIP_DEFLATED) as file:
            for index in range(2 * N):
                file.writestr(f"{'ab'[index % 2]}/{index}.png", encoded(noise(9, 7, 3)))
            for name, content in (members or {}).items():
                file.writestr(name, content)
            if change:
                change(file)
        return root / "data.zip"

    return make


def edited(make: Make, edit: Callable[[bytes], bytes]) -> Make:
    def made(root: Path) -> Any:
        path = make(root)
        path.write_bytes(edit(path.read_bytes()))
        return path

    return made


def encrypt(content: bytes) -> bytes:
    changed = bytearray(content)
    at = changed.find(b"PK\x01\x02")
    changed[at + 8] |= 1
    return bytes(changed)


def link(file: zipfile.ZipFile) -> None:
    entry = zipfile.ZipInfo("a/link.png")
    entry.external_attr = 0o120777 << 16
    file.writestr(entry, "/etc/passwd")


case("zip with a folder around everything and what macOS adds", Taken(holds=counts(train=29, valid=5, test=6)))(
    lambda root: _wrapped(root)
)
case("zip with a path that leads out", Refused("'../a/0.png', which leads out of it", "Do not trust"))(
    zipped({"../a/0.png": b"x"})
)
case("zip with an absolute path", Refused("leads out of it", "Do not trust"))(zipped({"/etc/a/0.png": b"x"}))
case("zip with a link", Refused("holds a link", "files themselves"))(zipped(change=link))
case("zip bomb", Refused("unpacks to 60 MB", "do not trust"))(zipped({"a/bomb.png": bytes(60_000_000)}))
case("encrypted zip", Refused("is encrypted", "password"))(edited(zipped(), encrypt))
case("zip in a zip", Refused("holds another one", "Unpack the outer"))(zipped({"train.zip": b"x"}))
case("zip that is cut off", Refused("is cut off", "download it again"))(
    edited(zipped(), lambda content: content[:-100])
)
case("zip that is none", Refused("is not a zip", "zip of class folders"))(raw("data.zip", b"hello" * 100))
case("zip without pictures", Refused("no pictures in the archive", "one folder for each class"))(
    edited(zipped(), lambda content: content.replace(b".png", b".txt"))
)
case("zip with a damaged picture", Taken("1 picture was left out", skipped=1))(
    edited(
        zipped(),
        lambda content: (
            (at := content.find(b"IDAT") + 12) and content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :]
        ),
    )
)


def _wrapped(root: Path) -> Path:
    path = zipped({"__MACOSX/photos/a/._0.png": b"x", "photos/.DS_Store": b"x"})(root)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(root / "wrapped.zip", "w") as new:
        for name in old.namelist():
            new.writestr(name if name.startswith(("__", "photos")) else f"photos/{name}", old.read(name))
    return root / "wrapped.zip"


# Tables.


def table(
    heading: str,
    form: str,
    *,
    encoding: str = "utf-8",
    change: Callable[[list[str]], None] | None = None,
    name: str = "data.csv",
) -> Make:
    """Forty pictures p/0.png …, and a table of them by ``form``."""

    def make(root: Path) -> Any:
        (root / "p").mkdir()
        lines = []
        for index in range(2 * N):
            (root / "p" / f"{index}.png").write_bytes(encoded(noise(9, 7, 3)))
            lines.append(form.format(i=index, c="ab"[index % 2], x=index / 7))
        if change:
            change(lines)
        (root / name).write_text("\n".join([heading, *lines]) + "\n", encoding=encoding)
        return root / name

    return make


def gone(n: int) -> Callable[[list[str]], None]:
    def change(lines: list[str]) -> None:
        for index in range(n):
            lines[index] = lines[index].replace("p/", "q/")

    return change


def gaps(n: int) -> Callable[[list[str]], None]:
    def change(lines: list[str]) -> None:
        for index in range(n):
            lines[index] = lines[index].split(",")[0] + ",NaN"

    return change


case("CSV with semicolons and decimal commas", Taken(holds=lambda found: found.splits.is_regression))(
    table("image;price", "p/{i}.png;{i},5")
)
case("CSV with the mark of Excel", Taken(holds=lambda found: found.splits.classes == ("a", "b")))(
    table("image,label", "p/{i}.png,{c}", encoding="utf-8-sig")
)
case("TSV", Taken(holds=lambda found: found.splits.classes == ("a", "b")))(
    table("image\tlabel", "p/{i}.png\t{c}", name="data.tsv")
)
case("CSV with paths of Windows", Taken(holds=lambda found: found.findings.n_skipped == 0))(
    table("image,label", "p\\{i}.png,{c}")
)
case("CSV without a column of pictures", Refused("no column for pictures", "--image-column"))(table("a,b", "{i},{c}"))
case("CSV with two targets", Refused("'label' or 'class'", "--target"))(table("image,label,class", "p/{i}.png,{c},{i}"))
case("CSV with a heading twice", Refused("two columns named 'label'", "name of its own"))(
    table("image,label,label", "p/{i}.png,{c},{i}")
)
case("CSV without a heading", Refused("is a row of values", "names of the columns"))(
    table("p/0.png,a", "p/{i}.png,{c}")
)
case("CSV of one column", Refused("only one column, 'image'", "a target column"))(table("image", "p/{i}.png"))
case("CSV without rows", Refused("no rows", "one row for each picture"))(raw("data.csv", b"image,label\n"))
case("CSV with addresses", Refused("holds the address 'https://", "Nothing is downloaded"))(
    table("image,label", "https://example.org/{i}.png,{c}")
)
case("CSV with wrong folders", Refused("names files that are not there", "so write 'p/0.png'"))(
    table("image,label", "{i}.png,{c}")
)
case("CSV with a missing file", Taken("2 pictures were left out", skipped=2))(
    table("image,label", "p/{i}.png,{c}", change=gone(2))
)
case("CSV with many missing files", Refused("3 of 40 pictures cannot be read", "up to 5 %"))(
    table("image,label", "p/{i}.png,{c}", change=gone(3))
)
case("CSV with a missing target", Taken("2 pictures were left out", skipped=2))(
    table("image,price", "p/{i}.png,{x}", change=gaps(2))
)
case(
    "CSV with many missing targets",
    Refused("3 of 40 rows have no value in the column 'price', the first is line 2", "up to 5 %"),
)(table("image,price", "p/{i}.png,{x}", change=gaps(3)))
case("CSV with a longer line", Refused("cannot be read as a table", "quotes"))(
    table("image,label", "p/{i}.png,{c}", change=lambda lines: lines.append("p/1.png,a,b"))
)
case("CSV with an unknown split", Refused("The column 'split' says 'fold0' in line 2", "train, valid or test"))(
    table("image,label,split", "p/{i}.png,{c},fold{i}")
)
case("CSV that is not UTF-8", Refused("not UTF-8", "encoding UTF-8"))(
    table("image,label", "p/{i}.png,é{c}", encoding="latin-1")
)
case("CSV of pixels", Refused("pixels of its pictures", "numpy.savez"))(
    raw(
        "data.csv",
        ("label," + ",".join(f"pixel{i}" for i in range(64)) + "\n" + (",".join("1" * 65) + "\n") * 20).encode(),
    )
)
case("binary data named .csv", Refused("not a table of text", ".parquet"))(raw("data.csv", b"PAR1\0\0\0\0,\0"))
case("Parquet that is none", Refused("not a whole Parquet file", "cut off"))(
    raw("data.parquet", b"PAR1 something PAR1")
)
case("DataFrame without a column of pictures", Refused("no column for pictures", "--image-column"))(
    lambda root: pandas.DataFrame({"a": [1, 2], "b": [3, 4]})
)


@pytest.mark.parametrize("name", CASES)
def test_catalogue(tmp_path: Path, name: str) -> None:
    make, expected = CASES[name]
    given, root = tmp_path / "given", tmp_path / "cache"
    given.mkdir()
    source = make(given)
    if isinstance(expected, Refused):
        with pytest.raises(DataError) as caught:
            load(source, root, seed=0, task=expected.task)
        error = caught.value
        assert expected.message in error.message
        assert expected.hint in (error.hint or "")
        assert error.message.endswith(".") and "\n" not in str(error) and len(error.message) < 500
        assert error.hint or not expected.hint
        assert not root.exists() or not list(root.iterdir())
    else:
        found = load(source, root, seed=0, task=expected.task)
        assert not expected.said or any(
            expected.said in sentence for sentence in (*found.findings.notes, *found.findings.warnings)
        ), found.findings.lines()
        assert found.findings.n_skipped == expected.skipped
        assert expected.holds(found)
        assert [path.name for path in root.iterdir()] == [found.folder.name]


def test_the_catalogue_is_large() -> None:
    assert len(CASES) >= 40


@pytest.mark.parametrize("name", ["zip with a path that leads out", "NaN pixels"])
def test_the_command_line_says_one_sentence_and_leaves_nothing(tmp_path: Path, archsmith: Any, name: str) -> None:
    make, expected = CASES[name]
    assert isinstance(expected, Refused)
    given = tmp_path / "given"
    given.mkdir()
    source = make(given)
    if isinstance(source, tuple):
        np.savez(given / "data.npz", images=source[0], labels=source[1])
        source = given / "data.npz"
    before = sorted(tmp_path.rglob("*"))
    ran = archsmith("fit", source, "--time", "30s", "--workspace", tmp_path / "workspace", "--out", tmp_path / "model")
    assert ran.code == 2
    assert ran.out == ""
    assert "Traceback" not in ran.err
    (said,) = [line for line in ran.err.splitlines() if line.startswith("archsmith: ")]
    assert expected.message in said and expected.hint in said
    left = [path for path in sorted(tmp_path.rglob("*")) if path not in before and path.is_file()]
    assert left == []
