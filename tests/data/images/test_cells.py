"""Pictures in the cells of tables, fetched one by one."""

from __future__ import annotations

import base64
import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archsmith.core.errors import DataError
from archsmith.data.images import cells
from archsmith.data.images.cells import Base64, Cells, Lines, from_base64, open_parquet
from archsmith.data.images.read_table import read_table
from archsmith.data.images.source import Pictures

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

RNG = np.random.default_rng(0)
N = 10


def png(side: int = 8) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, (side, side, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def parquet(folder: Path, column: Any, *, row_group_size: int | None = None) -> Path:
    table = pa.table({"image": column, "label": [1] * len(column)})
    pq.write_table(table, folder / "data.parquet", row_group_size=row_group_size, compression="zstd")
    return folder / "data.parquet"


# Parquet


def test_any_order_of_reading_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "BATCH_BYTES", 1000)
    contents = [os.urandom(100) for _ in range(200)]
    pictures = Cells(parquet(tmp_path, contents, row_group_size=30), "image", 200)
    for index in [*range(200), *range(199, -1, -1), *RNG.permutation(200).tolist(), 0, 199, 0]:
        assert pictures.content(index) == contents[index]


def test_several_threads_may_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "BATCH_BYTES", 1000)
    contents = [os.urandom(100) for _ in range(100)]
    pictures = Cells(parquet(tmp_path, contents, row_group_size=30), "image", 100)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(pictures.content, range(100))) == contents


def test_rows_choose_among_the_cells(tmp_path: Path) -> None:
    contents = [os.urandom(9) for _ in range(N)]
    pictures = Cells(parquet(tmp_path, contents), "image", N, [7, 2])
    assert len(pictures) == 2
    assert [pictures.content(0), pictures.content(1)] == [contents[7], contents[2]]
    assert pictures.name(1) == f"row 3 of {tmp_path / 'data.parquet'}"
    assert pictures.spec()["rows"] == [7, 2]


def test_all_rows_need_not_be_listed_in_the_spec(tmp_path: Path) -> None:
    pictures = Cells(parquet(tmp_path, [png()] * 3), "image", 3)
    assert isinstance(pictures, Pictures)
    assert pictures.spec()["rows"] is None


def test_the_fingerprint_tells_files_columns_and_rows_apart(tmp_path: Path) -> None:
    path = parquet(tmp_path, [png()] * 3)
    found = {
        cell.fingerprint()
        for cell in (Cells(path, "image", 3), Cells(path, "label", 3), Cells(path, "image", 3, [0, 1]))
    }
    os.utime(path, ns=(1, 1))
    assert len({*found, Cells(path, "image", 3).fingerprint()}) == 4


def test_cells_that_name_a_file_instead(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for index in (0, 1):
        (tmp_path / "pictures" / f"{index}.png").write_bytes(png())
    column = pa.array(
        [{"bytes": None, "path": f"pictures/{i}.png"} for i in range(N)],
        pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    )
    pictures = Cells(parquet(tmp_path, column), "image", N)
    assert pictures.decode(1, 3).shape == (8, 8, 3)
    with pytest.raises(DataError, match=r"row 3 of .*names the file 'pictures/2.png', which cannot be read"):
        pictures.decode(2, 3)


def test_an_empty_cell_is_a_broken_picture(tmp_path: Path) -> None:
    pictures = Cells(parquet(tmp_path, [png(), None, b"", png()]), "image", 4)
    for index in (1, 2):
        with pytest.raises(DataError, match=f"row {index + 1} of .* is missing"):
            pictures.decode(index, 3)
    assert pictures.decode(3, 3).shape == (8, 8, 3)


def test_a_cell_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "LARGEST", 2**20)
    pictures = Cells(parquet(tmp_path, [bytes(2**20 + 1)]), "image", 1)
    with pytest.raises(DataError, match="larger than 1 MiB"):
        pictures.content(0)


def test_a_table_that_became_shorter_lacks_the_picture(tmp_path: Path) -> None:
    pictures = Cells(parquet(tmp_path, [png()] * 3), "image", 9)
    with pytest.raises(DataError, match="no longer in its table"):
        pictures.content(8)


def test_a_damaged_page_is_a_broken_picture(tmp_path: Path) -> None:
    contents = [os.urandom(5000) for _ in range(20)]
    pq.write_table(
        pa.table({"image": contents, "label": [1] * 20}),
        tmp_path / "data.parquet",
        row_group_size=1,
        write_page_checksum=False,
    )
    content = bytearray((tmp_path / "data.parquet").read_bytes())
    content[4:40] = b"\xff" * 36
    (tmp_path / "data.parquet").write_bytes(content)
    with pytest.raises(DataError):
        read_table(tmp_path / "data.parquet").pictures.decode(0, 3)


@pytest.mark.slow
def test_a_large_parquet_is_never_loaded(tmp_path: Path, environment: dict[str, str]) -> None:
    """300 MB of pictures in one row group cost a process less than 150 MB more than an empty table does."""
    import subprocess
    import sys

    code = (
        "import sys, resource; from pathlib import Path; from archsmith.data.images.read_table import read_table; "
        "import "
        "pyarrow.parquet\n"
        "base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "pictures = read_table(Path(sys.argv[1])).pictures\n"
        "assert sum(len(pictures.content(i)) for i in range(len(pictures))) == 300_000_000\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base)"
    )
    contents = [os.urandom(10_000) for _ in range(30_000)]
    path = parquet(tmp_path, contents)
    grown = subprocess.run(
        [sys.executable, "-c", code, str(path)], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert int(grown) < 150_000


@pytest.mark.parametrize("content", [None, b"", b"PAR1 something PAR1"])
def test_what_is_no_parquet_is_a_data_error(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "data.parquet").write_bytes(content)
    with pytest.raises(DataError, match="no file" if content is None else "not a whole Parquet file"):
        open_parquet(tmp_path / "data.parquet")


# Base64


def text(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.mark.parametrize("form", ["{}", " {} ", "data:image/png;base64,{}"])
def test_text_stands_for_bytes(form: str) -> None:
    assert from_base64(form.format(text(b"picture"))) == b"picture"


@pytest.mark.parametrize("broken", ["abc", "ab*=", "é"])
def test_text_that_is_no_base64(broken: str) -> None:
    with pytest.raises(DataError, match="not whole base64"):
        from_base64(broken)


def test_rows_are_named_by_the_lines_where_they_begin(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(b'a,b\n\n1,"two\r\nlines"\n  \n2,"say ""so"""\r\n3,z\n')
    called = Lines(path, "utf-8-sig", 3)
    assert [called(row) for row in range(3)] == [f"line {line} of {path}" for line in (3, 6, 7)]
    assert Lines(path, "utf-8-sig", 4)(2) == f"row 3 of {path}"  # it has changed
    assert Lines(tmp_path / "gone.csv", "utf-8-sig", 3)(2) == f"row 3 of {tmp_path / 'gone.csv'}"


def test_texts_are_pictures_named_by_their_rows() -> None:
    content = png()
    pictures = Base64(Path("data.csv"), "photo", [text(content), "abc"], [0, 4], "row {}".format)
    assert isinstance(pictures, Pictures)
    assert pictures.content(0) == content
    with pytest.raises(DataError, match=r"row 4.*base64"):
        pictures.decode(1, 3)


def test_the_fingerprint_is_that_of_the_texts() -> None:
    one, same, other = (
        Base64(Path("data.csv"), "photo", texts, [0, 1], str) for texts in (["a", "b"], ["a", "b"], ["ab", ""])
    )
    assert one.fingerprint() == same.fingerprint() != other.fingerprint()
