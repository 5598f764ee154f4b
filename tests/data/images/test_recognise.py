from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archsmith.data.images.read import read
from archsmith.data.images.recognise import recognised

pandas = pytest.importorskip("pandas")
torch = pytest.importorskip("torch")

PICTURES = np.zeros((2, 8, 8), np.uint8)
LABELS = [0, 1]


def png() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PICTURES[0]).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        "digits",
        "folder",
        Path("pictures.zip"),
        "pictures.npz",
        "no-such-file.csv",
        (PICTURES, LABELS),
        (torch.from_numpy(PICTURES), LABELS),
        (list(PICTURES), LABELS),
        ([Image.fromarray(picture) for picture in PICTURES], LABELS),
        (["a.png", "b.jpg"], LABELS),
        (np.array(["a.png", "b.jpg"]), LABELS),
        ([png(), png()], LABELS),
        pandas.DataFrame({"file": ["a.png", "b.png"], "label": LABELS}),
        pandas.DataFrame({"anything": ["a.png", "b.png"], "label": LABELS}),
        (pandas.DataFrame({"photo": [png(), png()]}), LABELS),
    ],
)
def test_pictures(data: Any) -> None:
    assert recognised(data)


def test_what_was_read_already() -> None:
    assert recognised(read((PICTURES, LABELS)))


@pytest.mark.parametrize(
    "data",
    [
        (np.zeros((2, 3)), LABELS),
        ([[1, 2], [3, 4]], LABELS),
        ([{"a": 1}, {"a": 2}], LABELS),
        ([], []),
        pandas.DataFrame({"age": [1, 2], "job": ["clerk", "farmer"]}),
        pandas.DataFrame([["a.png", 1, 2]], columns=["image", "label", "label"]),
        pandas.DataFrame({"image": [1, 2], "label": LABELS}),
        pandas.DataFrame({"image": ["a", "b"], "label": LABELS}),
        (pandas.DataFrame({"age": [1, 2]}), LABELS),
        42,
        None,
    ],
)
def test_no_pictures(data: Any) -> None:
    assert not recognised(data)


def csv(text: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(text, encoding="utf-8") and None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("image,label\na.png,1\nb.png,2\n", True),
        ("where;label\na.png;1\nb.png;2\n", True),
        (f"photo,label\n{base64.b64encode(png()).decode()},1\n", True),
        ("age,job\n1,clerk\n2,farmer\n", False),
        ("image,label\n", False),
        ("file,label\na.wav,1\nb.wav,2\n", False),
        ("photo,price\n3,100\n4,200\n", False),
        ("path,visits\n/a/b.html,1\n/a,2\n", False),
        ("image,label\na.png,1\nb.heic,2\n", True),
        ("image,label\nraw\\0001,1\nraw\\0002,2\n", True),
        ("other,label\nraw/0001,1\nraw/0002,2\n", False),
        ("", False),
        ("age,job\n1\n2,farmer,3\n", False),
    ],
)
def test_a_file_of_text_is_looked_into(tmp_path: Path, text: str, expected: bool) -> None:
    (tmp_path / "data.csv").write_text(text, encoding="utf-8")
    (tmp_path / "raw").mkdir()
    for name in ("raw/0001", "raw/0002", "a.wav", "b.wav"):
        (tmp_path / name).write_bytes(png())
    assert recognised(tmp_path / "data.csv") is expected


@pytest.mark.parametrize(("column", "expected"), [([b"x", b"y"], True), (["a.png", "b.png"], True), ([1, 2], False)])
def test_a_parquet_file_is_looked_into(tmp_path: Path, column: list[Any], expected: bool) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"what": column, "label": LABELS}), tmp_path / "data.parquet")
    assert recognised(tmp_path / "data.parquet") is expected


@pytest.mark.parametrize("name", ["data.parquet", "data.csv", "data.csv.gz"])
def test_a_broken_file_is_for_a_reader_to_tell(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\0\xff broken")
    assert not recognised(tmp_path / name)
