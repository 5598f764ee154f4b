"""Whatever bytes a file holds, reading it gives pictures or a DataError, and nothing else."""

from __future__ import annotations

import contextlib
import gzip
import io
import struct
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from archsmith.core.errors import DataError
from archsmith.data.images.decode import decode, header
from archsmith.data.images.read import read

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 6, 5), np.uint8)
LABELS = np.arange(12) % 2


def png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for i, image in enumerate(IMAGES):
            archive.writestr(f"{'ab'[i % 2]}/{i}.png", png(image))
    return buffer.getvalue()


def arrays() -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, images=IMAGES, labels=LABELS)
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def table() -> bytes:
    rows = "".join(f"{i}.png,{'ab'[i % 2]}\n" for i in range(12))
    return f"file,label\n{rows}".encode()


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


FILES: dict[str, Callable[[], bytes]] = {
    "a.zip": zipped,
    "a.npz": arrays,
    "images.npy": lambda: npy(IMAGES),
    "a.csv": table,
    "train-images-idx3-ubyte": lambda: idx(IMAGES),
    "train-images-idx3-ubyte.gz": lambda: gzip.compress(idx(IMAGES), mtime=0),
}


def attempt(folder: Path, name: str, content: bytes) -> None:
    """Read a file among its good neighbours, and look at what it holds."""
    for i, image in enumerate(IMAGES):
        (folder / f"{i}.png").write_bytes(png(image))
    (folder / "train-labels-idx1-ubyte").write_bytes(idx(LABELS))
    (folder / "labels.npy").write_bytes(npy(LABELS))
    (folder / name).write_bytes(content)
    with contextlib.suppress(DataError):
        source = read(folder / name)
        assert len(source) == len(source.labels) == len(source.split)
        for i in range(min(3, len(source))):
            with contextlib.suppress(DataError):
                content_of = getattr(source.pictures, "content", None)
                pixels = decode(content_of(i), 1) if content_of else source.pictures.decode(i, 1)
                assert pixels.dtype == np.uint8 and pixels.shape[2] == 1


@pytest.mark.parametrize("name", FILES)
def test_the_good_file_is_read(name: str, tmp_path: Path) -> None:
    attempt(tmp_path, name, FILES[name]())
    assert len(read(tmp_path / name)) == 12


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(name: str, data: st.DataObject) -> None:
    content = bytearray(FILES[name]())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        edit = data.draw(st.sampled_from(["change", "cut", "insert"]))
        if edit == "change":
            content[at] = data.draw(st.integers(0, 255))
        elif edit == "cut":
            del content[at : at + data.draw(st.integers(1, len(content)))]
        else:
            content[at:at] = data.draw(st.binary(min_size=1, max_size=6))
        if not content:
            break
    with tempfile.TemporaryDirectory() as folder:
        attempt(Path(folder), name, bytes(content))


@pytest.mark.parametrize("name", [*FILES, "a.tsv", "a.parquet"])
@given(content=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        attempt(Path(folder), name, content)


@given(
    rows=st.lists(st.lists(st.text(max_size=8), min_size=1, max_size=4), max_size=5), separator=st.sampled_from(",;\t")
)
def test_any_table_is_read_or_refused(rows: list[list[str]], separator: str) -> None:
    text = "\n".join(separator.join(row) for row in rows)
    with tempfile.TemporaryDirectory() as folder:
        attempt(Path(folder), "a.csv", text.encode("utf-8", "surrogatepass"))


@given(data=st.data())
def test_a_damaged_picture_is_decoded_or_refused(data: st.DataObject) -> None:
    content = bytearray(png(IMAGES[0]))
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(DataError):
        header(bytes(content))
        assert decode(bytes(content), 3).dtype == np.uint8
