from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archsmith.bundle.image_files import pictures
from archsmith.core.errors import DataError, UsageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures of brightness 1 to 3 in two folders, and what is no picture."""
    root = tmp_path / "pictures"
    for name, grey in (
        ("b/1.png", 1),
        ("a/2.png", 2),
        ("a/3.PNG", 3),
        (".thumbnails/4.png", 4),
        ("__MACOSX/5.png", 5),
        ("a/.6.png", 6),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (2, 2), grey).save(root / name, format="PNG")
    (root / "notes.txt").write_text("words")
    return root


def greys(names: list[str | Path], column: str | None = None) -> list[int]:
    found = pictures(names, column)
    return [int(found.decode(i, 1)[0, 0, 0]) for i in range(len(found))]


def test_a_folder_gives_its_pictures_in_the_order_of_their_paths(folder: Path) -> None:
    assert greys([folder]) == [2, 3, 1]
    assert greys([folder / "b" / "1.png", folder / "a"]) == [1, 2, 3]


def test_a_zip_does_the_same_and_is_not_unpacked(folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for file in folder.rglob("*"):
            archive.write(file, file.relative_to(folder))
    assert greys([tmp_path / "all.zip"]) == [2, 3, 1]
    assert pictures([tmp_path / "all.zip"]).name(0) == f"{tmp_path / 'all.zip'}/a/2.png"


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("path,note\npictures/b/1.png,x\npictures/a/2.png,y\n", None),
        ("note;where\n1,5;pictures/b/1.png\nx;pictures/a/2.png\n", None),
        ("pictures/b/1.png\npictures/a/2.png\n", None),
        ("a.png,b.png\npictures/b/1.png,pictures/b/1.png\npictures/a/2.png,x.png\n", "a.png"),
        ("image\npictures\\b\\1.png\npictures/a/2.png\n", None),
        ("\ufeffimage\tid\npictures/b/1.png\t1\n\npictures/a/2.png\t2\n", None),
    ],
    ids=["commas", "semicolons", "plain list", "named column", "backslashes", "tabs and a mark"],
)
def test_a_table_names_files_from_its_own_folder(folder: Path, text: str, column: str | None) -> None:
    table = folder.parent / "table.csv"
    table.write_text(text, encoding="utf-8")
    assert greys([table], column) == [1, 2]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_table_may_be_written_as_excel_does(folder: Path, encoding: str) -> None:
    (folder / "b" / "1.png").rename(folder / "b" / "übung.png")
    table = folder.parent / "table.csv"
    table.write_text("image;note\r\npictures/b/übung.png;x\r\npictures/a/2.png;é\r\n", encoding=encoding, newline="")
    assert greys([table]) == [1, 2]


@pytest.mark.parametrize(
    ("text", "column", "part"),
    [
        ("", None, "is empty"),
        ("path,note\n", "path", "no rows below"),
        ("name,note\nx,y\n", None, "no column with the paths"),
        ("one,two\na.png,b.png\n", None, "several columns with pictures"),
        ("one,two\na.png,b.png\n", "three", "no column 'three'"),
        (",".join("abcdefghij") + "\n1\n", "k", "'g', 'h' and 2 more"),
    ],
)
def test_a_table_that_is_not_clear_is_refused(tmp_path: Path, text: str, column: str | None, part: str) -> None:
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(DataError) as caught:
        pictures([tmp_path / "table.csv"], column)
    assert part in str(caught.value)


def test_what_holds_no_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as archive:
        archive.writestr("notes.txt", "words")
    np.savez(tmp_path / "arrays.npz", images=np.zeros(3))
    (tmp_path / "binary.csv").write_bytes(b"\x89PNG\x00\x81")
    (tmp_path / "unmarked.csv").write_bytes("image\na.png\n".encode("utf-16-le"))
    (tmp_path / "western.csv").write_bytes("image\nübung.png\n".encode("cp1252"))
    (tmp_path / "cell.csv").write_text("image\n" + "x" * 200_000)
    for name, part in (
        ("empty", "holds no pictures"),
        ("empty.zip", "holds no pictures"),
        ("arrays.npz", "cannot be taken"),
        ("binary.csv", "is not UTF-8 text. Save it as CSV"),
        ("western.csv", "is not UTF-8 text. Save it as CSV"),
        ("unmarked.csv", "is not a table of text"),
        ("cell.csv", "cannot be read"),
    ):
        with pytest.raises(UsageError, match=part):
            pictures([tmp_path / name])
    with pytest.raises(UsageError, match="no pictures to look at"):
        pictures([])


def test_a_zip_that_leads_out_of_itself_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../../evil.png", "x")
    with pytest.raises(DataError, match="leads out of it"):
        pictures([tmp_path / "evil.zip"])


def test_a_missing_file_is_found_out_when_it_is_decoded(tmp_path: Path) -> None:
    found = pictures([tmp_path / "missing.png"])
    assert len(found) == 1
    with pytest.raises(DataError, match="no file"):
        found.decode(0, 1)


def test_a_row_without_a_path_is_a_broken_picture_among_others(folder: Path) -> None:
    table = folder.parent / "list.csv"
    table.write_text("file,about\n\npictures/a/2.png,x\n,y\npictures/b/1.png,z\n,\n")
    found = pictures([table])
    assert len(found) == 4 and found.decode(2, 1)[0, 0, 0] == 1
    assert found.name(1) == f"line 4 of {table}"
    with pytest.raises(DataError, match=r"Line 6 of the table '.*list.csv' has no path of a picture"):
        found.decode(3, 1)
