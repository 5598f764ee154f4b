"""Folders of class folders, with or without folders of splits above them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archsmith.core.errors import DataError
from archsmith.data.examples import SPLITS
from archsmith.data.images.read_folder import read_folder
from archsmith.data.images.source import Source
from archsmith.data.labels import target

RNG = np.random.default_rng(0)


def write_pictures(
    folder: Path, classes: Sequence[str] = "ab", n: int = 3, size: tuple[int, int] = (9, 7), mode: str = "RGB"
) -> None:
    for name in classes:
        (folder / name).mkdir(parents=True)
        for index in range(n):
            Image.fromarray(RNG.integers(0, 256, (*size, 3), dtype=np.uint8)).convert(mode).save(
                folder / name / f"{index}.png"
            )


def sizes(source: Source) -> dict[str, int]:
    """Pictures by split."""
    counts = np.bincount(source.split, minlength=3)
    return {name: int(n) for name, n in zip(SPLITS, counts, strict=True) if n}


def test_class_folders(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    source = read_folder(tmp_path)
    assert len(source) == 6
    assert target(source).classes == ("a", "b")
    assert source.pictures.decode(0, 3).shape == (9, 7, 3)


def test_pictures_in_deeper_folders_count_and_hidden_ones_do_not(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    (tmp_path / "a" / "more").mkdir()
    for path in ("a/more/x.png", "a/.hidden.png"):
        Image.new("RGB", (7, 9)).save(tmp_path / path)
    (tmp_path / ".cache").mkdir()
    Image.new("RGB", (7, 9)).save(tmp_path / ".cache" / "y.png")
    assert len(read_folder(tmp_path)) == 7


def test_class_folders_that_hold_class_folders_are_told(tmp_path: Path) -> None:
    write_pictures(tmp_path / "icons")
    write_pictures(tmp_path / "photos")
    write_pictures(tmp_path)
    (note,) = read_folder(tmp_path).notes
    assert note == (
        "All pictures in 'icons' lie in 2 folders inside it ('a', 'b'); likewise in 1 more. If these are the classes, "
        "give that folder."
    )


def test_class_folders_of_one_split_are_told_with_the_split(tmp_path: Path) -> None:
    write_pictures(tmp_path / "test")
    write_pictures(tmp_path / "train" / "a")
    write_pictures(tmp_path / "train" / "b", n=1)
    (note,) = read_folder(tmp_path).notes
    assert note.startswith(f"All pictures in {os.path.join('train', 'a')!r} lie in 2 folders")


def test_split_folders_above_class_folders(tmp_path: Path) -> None:
    write_pictures(tmp_path / "train")
    write_pictures(tmp_path / "val", n=2)
    write_pictures(tmp_path / "test", n=1)
    assert sizes(read_folder(tmp_path)) == {"train": 6, "valid": 4, "test": 2}


def test_nothing_is_decoded_while_listing(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    (tmp_path / "a" / "bad.png").write_bytes(b"nothing")
    assert len(read_folder(tmp_path)) == 7


def test_hidden_class_folders_and_links_to_folders_do_not_count(tmp_path: Path) -> None:
    write_pictures(tmp_path / "data")
    write_pictures(tmp_path, "x")
    (tmp_path / "data" / "a" / "link").symlink_to(tmp_path / "x")
    (tmp_path / "data" / "__pycache__").mkdir()
    Image.new("RGB", (7, 9)).save(tmp_path / "data" / "__pycache__" / "y.png")
    assert len(read_folder(tmp_path / "data")) == 6


def test_folders_named_like_splits_are_classes_where_none_is_for_training(tmp_path: Path) -> None:
    write_pictures(tmp_path / "test")
    (tmp_path / "test").rename(tmp_path / "data")
    (tmp_path / "data" / "a").rename(tmp_path / "data" / "test")
    assert read_folder(tmp_path / "data").class_names == ("b", "test")


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    for name in ("bus", "test", "train"):
        write_pictures(tmp_path, [name])
    source = read_folder(tmp_path)
    assert (source.class_names, sizes(source)) == (("bus", "test", "train"), {"train": 9})
    assert source.notes == ("The folder 'train' is taken for a class, since pictures lie right in it.",)


def test_a_folder_train_that_may_be_a_class_or_a_split_is_refused(tmp_path: Path) -> None:
    write_pictures(tmp_path / "train", ["steam", "tram"])
    write_pictures(tmp_path, ["bus"])
    with pytest.raises(DataError, match="'train' with class folders inside, and beside it 'bus', which is no split"):
        read_folder(tmp_path)
    write_pictures(tmp_path / "bus", ["tram"])
    assert read_folder(tmp_path).class_names == ("steam", "tram")  # as a further split


def test_pictures_that_are_left_out_are_counted(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    for name in ("x.png", "y.jpg", ".z.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert read_folder(tmp_path).notes == ("2 pictures lie outside class folders and were left out.",)


def test_folders_beside_splits_are_named(tmp_path: Path) -> None:
    write_pictures(tmp_path / "train")
    write_pictures(tmp_path / "test", n=1)
    (tmp_path / "test" / "x.png").write_bytes(b"")
    write_pictures(tmp_path / "holdout", n=5)
    (tmp_path / "papers").mkdir()
    source = read_folder(tmp_path)
    assert sizes(source) == {"train": 6, "test": 2}
    assert source.notes == (
        "1 picture lies outside class folders and was left out.",
        "The folder 'holdout' is no split, so 10 pictures there were left out.",
    )
    write_pictures(tmp_path / "more", n=1)
    assert "The folders 'holdout', 'more' are no splits, so 12 pictures" in read_folder(tmp_path).notes[1]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (("train/0.png", "test/0.png"), "do not lie in class folders"),
        ((), "is empty"),
        (("a.png",), "do not lie in class folders"),
        (("a/a.txt",), "no pictures"),
        (("train/a/a.txt", "test/x/0.png"), "no training pictures"),
    ],
)
def test_folders_that_cannot_be_used(tmp_path: Path, files: tuple[str, ...], words: str) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (5, 5)).save(tmp_path / name, "PNG")
    with pytest.raises(DataError, match=words):
        read_folder(tmp_path)


def test_a_class_without_training_pictures_is_refused(tmp_path: Path) -> None:
    write_pictures(tmp_path / "train")
    write_pictures(tmp_path / "test", "xyz")
    with pytest.raises(DataError, match="no training pictures"):
        target(read_folder(tmp_path))


def test_files_of_other_types_are_named(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    assert read_folder(tmp_path).notes == ()
    for name in ("a/drawing.svg", "a/Thumbs.db", "a/.hidden", "b/notes.txt", "b/text.odt", "b/z.pdf"):
        (tmp_path / name).write_text("no picture")
    (note,) = read_folder(tmp_path).notes
    assert note == "4 files of other types were left out ('drawing.svg', 'notes.txt', 'text.odt', …)."


def test_class_folders_without_pictures_are_named(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    (tmp_path / "owls").mkdir()
    source = read_folder(tmp_path)
    assert source.notes == ("1 folder holds no picture, so it is no class ('owls').",)
    assert "owls" not in (source.class_names or ())
