"""Data may name other files. Only their own are read."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from archsmith.app.confined import refuse_outside
from archsmith.core.errors import DataError
from archsmith.data.images.read import read


def png() -> bytes:
    made = io.BytesIO()
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(made, "PNG")
    return made.getvalue()


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    made = tmp_path / "inside"
    made.mkdir()
    (tmp_path / "secret.png").write_bytes(png())
    return made


def csv_naming(folder: Path, name: str) -> Path:
    path = folder / "t.csv"
    path.write_text("image,label\n" + "\n".join(f"{name},{place % 2}" for place in range(20)))
    return path


def test_pictures_beside_their_table_are_read(inside: Path) -> None:
    (inside / "a.png").write_bytes(png())
    refuse_outside(read(csv_naming(inside, "a.png")).pictures, inside)


@pytest.mark.parametrize("name", ["../secret.png", "{}/secret.png"])
def test_a_table_that_names_other_files_is_refused(inside: Path, name: str) -> None:
    listed = read(csv_naming(inside, name.format(inside.parent)))
    with pytest.raises(DataError, match="does not belong to them"):
        refuse_outside(listed.pictures, inside)


def test_a_link_out_of_a_folder_is_refused(inside: Path) -> None:
    for place in range(20):
        (inside / "ab"[place % 2]).mkdir(exist_ok=True)
        (inside / "ab"[place % 2] / f"{place}.png").write_bytes(png())
    refuse_outside(read(inside).pictures, inside)
    (inside / "a" / "z.png").symlink_to(inside.parent / "secret.png")
    with pytest.raises(DataError, match="does not belong"):
        refuse_outside(read(inside).pictures, inside)


def test_a_linked_class_folder_is_refused(inside: Path) -> None:
    other = inside.parent / "other"
    other.mkdir()
    (other / "x.png").write_bytes(png())
    (inside / "a").mkdir()
    (inside / "a" / "y.png").write_bytes(png())
    (inside / "b").symlink_to(other)
    with pytest.raises(DataError, match="does not belong"):
        refuse_outside(read(inside).pictures, inside)


def test_cells_that_name_files_are_refused(inside: Path) -> None:
    path = inside / "t.parquet"
    cells = [{"bytes": png(), "path": "kept as a name"}] * 19
    labels = [place % 2 for place in range(20)]
    parquet.write_table(pa.table({"image": [*cells, {"bytes": png(), "path": None}], "label": labels}), path)
    refuse_outside(read(path).pictures, inside)
    parquet.write_table(pa.table({"image": [*cells, {"bytes": None, "path": "../secret.png"}], "label": labels}), path)
    with pytest.raises(DataError, match="secret.png"):
        refuse_outside(read(path).pictures, inside)


def test_arrays_in_a_linked_file_are_refused(inside: Path) -> None:
    real = inside.parent / "arrays.npz"
    np.savez(real, x_train=np.zeros((20, 4, 4), np.uint8), y_train=np.arange(20) % 2)
    (inside / "arrays.npz").symlink_to(real)
    with pytest.raises(DataError, match="does not belong"):
        refuse_outside(read(inside / "arrays.npz").pictures, inside)
