"""Pictures that another process makes again from their spec."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archsmith.core.errors import DataError
from archsmith.data.images.pictures import joined
from archsmith.data.images.read import read
from archsmith.data.images.reopening import reopen, reopened
from archsmith.data.images.source import Pictures

N = 4


def png(value: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (6, 5), value).save(buffer, "PNG")
    return buffer.getvalue()


CONTENTS = [png(20 + index) for index in range(N)]


def files(folder: Path) -> Path:
    for index, content in enumerate(CONTENTS):
        path = folder / "ab"[index % 2] / f"{index}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return folder


def packed(folder: Path) -> Path:
    offsets = np.cumsum([0, *map(len, CONTENTS)])
    blob = np.frombuffer(b"".join(CONTENTS), np.uint8)
    np.savez(folder / "packed.npz", blob=blob, offsets=offsets, labels=np.arange(N) % 2)
    return folder / "packed.npz"


def stack(folder: Path) -> Path:
    np.savez_compressed(folder / "stack.npz", images=np.full((N, 5, 6), 0.5), labels=np.arange(N) % 2)
    return folder / "stack.npz"


def members(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "data.zip", "w") as file:
        for index, content in enumerate(CONTENTS):
            file.writestr(f"{'ab'[index % 2]}/{index}.png", content)
    return folder / "data.zip"


def cells(folder: Path) -> Path:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"image": CONTENTS, "label": list(range(N))}), folder / "data.parquet")
    return folder / "data.parquet"


def texts(folder: Path) -> Path:
    lines = [f"{base64.b64encode(content).decode()},{index}" for index, content in enumerate(CONTENTS)]
    (folder / "data.csv").write_text("\n".join(["photo,label", *lines]) + "\n", encoding="utf-8")
    return folder / "data.csv"


KINDS: dict[str, Callable[[Path], Path]] = {
    "files": files,
    "packed": packed,
    "stack": stack,
    "members": members,
    "cells": cells,
    "base64": texts,
}


def same(again: Pictures, pictures: Pictures) -> None:
    assert len(again) == len(pictures)
    assert again.fingerprint() == pictures.fingerprint()
    for index in (len(pictures) - 1, 0, 2):
        assert np.array_equal(again.decode(index, 3), pictures.decode(index, 3))
        assert again.header(index) == pictures.header(index)
        assert again.name(index) == pictures.name(index)


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_in_files_can_be_opened_again(tmp_path: Path, kind: str) -> None:
    pictures = read(KINDS[kind](tmp_path)).pictures
    spec = json.loads(json.dumps(pictures.spec()))
    assert spec["kind"] == kind
    same(reopen(spec), pictures)


def test_a_joined_row_can_be_opened_again(tmp_path: Path) -> None:
    pictures = joined([read(KINDS[kind](tmp_path)).pictures for kind in ("packed", "stack", "members")])
    same(reopen(json.loads(json.dumps(pictures.spec()))), pictures)


def test_a_list_of_originals_is_read_from_its_file(tmp_path: Path) -> None:
    pictures = read(packed(tmp_path)).pictures
    (tmp_path / "pictures.json").write_text(json.dumps(pictures.spec()), encoding="utf-8")
    same(reopened(str(tmp_path / "pictures.json")), pictures)


@pytest.mark.parametrize("text", ["{", None])
def test_a_damaged_list_of_originals_is_a_data_error(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "pictures.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="damaged"):
        reopened(str(tmp_path / "pictures.json"))


@pytest.mark.parametrize("kind", ["packed", "cells", "base64"])
def test_a_file_that_has_gone_is_a_data_error(tmp_path: Path, kind: str) -> None:
    path = KINDS[kind](tmp_path)
    spec = read(path).pictures.spec()
    assert spec is not None
    path.unlink()
    with pytest.raises(DataError):
        reopen(spec).decode(0, 1)
