from __future__ import annotations

import io
import multiprocessing
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archsmith.core.errors import DataError
from archsmith.data.examples import SPLITS
from archsmith.data.images import read_zip as archive
from archsmith.data.images.read_zip import Members, read_zip
from archsmith.data.images.reopening import reopen

RNG = np.random.default_rng(0)


def png(height: int = 8, width: int = 9) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def packed(path: Path, members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def tree(prefix: str = "", classes: str = "ab", n: int = 3) -> dict[str, bytes]:
    return {f"{prefix}{name}/{index}.png": png() for name in classes for index in range(n)}


def patched(path: Path, change: Callable[[bytearray, int], None]) -> Path:
    """The archive with every entry of its table of contents changed in place."""
    content = bytearray(path.read_bytes())
    at = content.find(b"PK\x01\x02")
    while at >= 0:
        change(content, at)
        at = content.find(b"PK\x01\x02", at + 1)
    path.write_bytes(content)
    return path


def refusal(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        read_zip(path)
    assert caught.value.message.endswith(".") and caught.value.hint
    return caught.value


def test_class_folders(tmp_path: Path) -> None:
    members = tree()
    source = read_zip(packed(tmp_path / "photos.zip", members))
    assert (source.name, source.class_names, source.labels.tolist()) == ("photos", ("a", "b"), [0, 0, 0, 1, 1, 1])
    assert set(source.split) == {SPLITS.index("train")}
    assert source.pictures.header(0).height == 8
    expected = np.asarray(Image.open(io.BytesIO(members["b/2.png"])))
    assert np.array_equal(source.pictures.decode(5, 3), expected)
    assert source.pictures.name(5).endswith("photos.zip/b/2.png")


def test_part_folders_above_class_folders(tmp_path: Path) -> None:
    members = tree("Train/") | tree("val/", n=2) | tree("testing/", n=1) | {"readme.png": png()}
    source = read_zip(packed(tmp_path / "a.zip", members))
    assert np.bincount(source.split).tolist() == [6, 4, 2]
    assert source.notes == ("1 picture lies outside class folders and was left out.",)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    members = {f"{name}/{i}.png": png() for name in ("bus", "test", "train") for i in range(3)}
    source = read_zip(packed(tmp_path / "a.zip", members))
    assert (source.class_names, set(source.split)) == (("bus", "test", "train"), {0})
    assert source.notes == ("The folder 'train' is taken for a class, since pictures lie right in it.",)
    with pytest.raises(DataError, match="beside it 'bus', which is no split"):
        read_zip(packed(tmp_path / "b.zip", tree("train/") | {"bus/0.png": png()}))


def test_further_folders_beside_splits_are_named(tmp_path: Path) -> None:
    members = tree("train/") | tree("holdout/", n=2) | tree("test/", n=1) | {"train/0.png": png(), "x.png": png()}
    source = read_zip(packed(tmp_path / "a.zip", members))
    assert np.bincount(source.split).tolist() == [6, 0, 2]
    assert source.notes == (
        "2 pictures lie outside class folders and were left out.",
        "The folder 'holdout' is no split, so 4 pictures there were left out.",
    )


@pytest.mark.parametrize(("prefix", "empty"), [("", "owls/"), ("photos/", "photos/owls/"), ("train/", "train/owls/")])
def test_class_folders_without_pictures_are_named(tmp_path: Path, prefix: str, empty: str) -> None:
    source = read_zip(packed(tmp_path / "a.zip", tree(prefix) | {empty: b"", f"{prefix}a/deeper/": b""}))
    assert source.class_names == ("a", "b")
    assert source.notes == ("1 folder holds no picture, so it is no class ('owls').",)


@pytest.mark.parametrize("prefix", ["photos/", "photos/2024/"])
def test_a_folder_around_everything_is_looked_through(tmp_path: Path, prefix: str) -> None:
    assert read_zip(packed(tmp_path / "a.zip", tree(prefix))).class_names == ("a", "b")
    assert np.bincount(
        read_zip(packed(tmp_path / "a.zip", tree(prefix + "train/") | tree(prefix + "test/"))).split
    ).tolist() == [6, 0, 6]


def test_one_part_folder_is_no_wrapping(tmp_path: Path) -> None:
    assert read_zip(packed(tmp_path / "a.zip", tree("train/"))).class_names == ("a", "b")


def test_what_systems_add_is_passed_over(tmp_path: Path) -> None:
    extra = {
        "__MACOSX/a/._0.png": b"x",
        "a/.hidden.png": b"x",
        ".git/a/0.png": b"x",
        "a/Thumbs.db": b"x",
        "a/notes.txt": b"x",
        "empty/": b"",
    }
    assert len(read_zip(packed(tmp_path / "a.zip", tree() | extra))) == 6


def test_names_from_other_systems(tmp_path: Path) -> None:
    members = {f"{name}\\{'é' * 60}{index}.PNG": png() for name in ("für", "猫") for index in range(2)}
    source = read_zip(packed(tmp_path / "a.zip", members))
    assert source.class_names == ("für", "猫")
    assert source.pictures.decode(3, 1).shape == (8, 9, 1)


def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed(tmp_path / "a.zip", tree())
    monkeypatch.chdir(tmp_path)
    read_zip(path).pictures.decode(0, 3)
    assert [file.name for file in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_methods(tmp_path: Path, method: int) -> None:
    assert read_zip(packed(tmp_path / "a.zip", tree(), method)).pictures.decode(0, 3).shape == (8, 9, 3)


def test_members_are_opened_again_from_their_spec(tmp_path: Path) -> None:
    pictures = read_zip(packed(tmp_path / "a.zip", tree())).pictures
    spec = pictures.spec()
    assert spec is not None
    again = reopen(spec)
    assert np.array_equal(again.decode(4, 3), pictures.decode(4, 3))
    assert again.fingerprint() == pictures.fingerprint()


def test_the_fingerprint_is_that_of_the_content(tmp_path: Path) -> None:
    members = tree()
    first = read_zip(packed(tmp_path / "a.zip", members)).pictures.fingerprint()
    assert read_zip(packed(tmp_path / "b.zip", members)).pictures.fingerprint() == first
    assert read_zip(packed(tmp_path / "b.zip", members | {"a/0.png": png()})).pictures.fingerprint() != first


def test_threads_share_the_archive(tmp_path: Path) -> None:
    members = tree(n=40)
    pictures = read_zip(packed(tmp_path / "a.zip", members)).pictures
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda index: pictures.decode(index, 3).tobytes(), range(80)))
    assert found == [np.asarray(Image.open(io.BytesIO(members[name]))).tobytes() for name in sorted(members)]


def _decode(pictures: Members, index: int) -> bytes:
    return pictures.decode(index, 3).tobytes()


def test_spawned_processes_open_it_for_themselves(tmp_path: Path) -> None:
    pictures = read_zip(packed(tmp_path / "a.zip", tree())).pictures
    assert isinstance(pictures, Members)
    here = [_decode(pictures, index) for index in range(6)]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.starmap(_decode, [(pictures, index) for index in range(6)]) == here


@pytest.mark.parametrize(
    "name",
    ["../a/0.png", "a/../../0.png", "/etc/a/0.png", "C:\\a\\0.png", "\\\\host\\a\\0.png", "a/..", "..\\a\\0.png"],
)
def test_paths_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    assert "leads out of it" in refusal(packed(tmp_path / "a.zip", tree() | {name: png()})).message


def test_links_are_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", tree())
    with zipfile.ZipFile(path, "a") as file:
        link = zipfile.ZipInfo("a/link.png")
        link.external_attr = 0o120777 << 16
        file.writestr(link, "/etc/passwd")
    assert "link" in refusal(path).message


def test_a_member_that_unpacks_to_far_more_is_refused(tmp_path: Path) -> None:
    assert "unpacks to 60 MB" in refusal(packed(tmp_path / "a.zip", tree() | {"a/bomb.png": bytes(60_000_000)})).message


def test_a_small_member_may_shrink_a_lot(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (1000, 1000)).save(buffer, "BMP")
    assert len(read_zip(packed(tmp_path / "a.zip", tree() | {"a/black.bmp": buffer.getvalue()}))) == 7


def test_a_total_beyond_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_TOTAL", 1000)
    assert "unpacks to" in refusal(packed(tmp_path / "a.zip", tree())).message


def test_absurd_counts_are_refused_before_the_entries_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed(tmp_path / "a.zip", tree())
    monkeypatch.setattr(archive, "MAX_ENTRIES", 5)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    assert "6 entries" in refusal(path).message


def test_a_table_of_contents_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", tree())
    content = bytearray(path.read_bytes())
    struct.pack_into("<HHI", content, content.rfind(b"PK\x05\x06") + 8, 6, 6, 2**31)
    path.write_bytes(content)
    refusal(path)


def test_encryption_is_refused(tmp_path: Path) -> None:
    def encrypt(content: bytearray, at: int) -> None:
        content[at + 8] |= 1

    assert "encrypted" in refusal(patched(packed(tmp_path / "a.zip", tree()), encrypt)).message


def test_unknown_methods_are_refused(tmp_path: Path) -> None:
    def method(content: bytearray, at: int) -> None:
        struct.pack_into("<H", content, at + 10, 98)

    assert "method" in refusal(patched(packed(tmp_path / "a.zip", tree()), method)).message


@pytest.mark.parametrize("name", ["inner.zip", "train.tar.gz", "deep/down/x.7z"])
def test_archives_inside_are_refused(tmp_path: Path, name: str) -> None:
    assert "holds another one" in refusal(packed(tmp_path / "a.zip", tree() | {name: b"x"})).message


def test_a_member_that_is_longer_than_it_says_is_never_read_to_its_end(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"a/0.png": bytes(40_000_000), "b/0.png": png()})

    def lie(content: bytearray, at: int) -> None:
        struct.pack_into("<I", content, at + 24, 1000)

    pictures = read_zip(patched(path, lie)).pictures
    tracemalloc.start()
    with pytest.raises(DataError, match="a/0.png"):
        pictures.decode(0, 3)
    assert tracemalloc.get_traced_memory()[1] < 4_000_000
    tracemalloc.stop()


def test_a_damaged_member_is_a_broken_picture_and_no_broken_archive(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", tree(), zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[content.find(b"IDAT") + 8] ^= 0xFF
    path.write_bytes(content)
    pictures = read_zip(path).pictures
    with pytest.raises(DataError, match="cannot be unpacked .*CRC"):
        pictures.decode(0, 3)
    assert pictures.decode(1, 3).shape == (8, 9, 3)


def test_a_member_too_large_to_be_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = read_zip(packed(tmp_path / "a.zip", tree())).pictures
    monkeypatch.setattr(archive, "LARGEST", 100)
    with pytest.raises(DataError, match="larger than"):
        pictures.decode(0, 3)


@pytest.mark.parametrize(
    ("cut", "words"),
    [(slice(0, -30), "cut off"), (slice(0, 200), "cut off"), (slice(5, 300), "not a zip")],
)
def test_pieces_of_an_archive(tmp_path: Path, cut: slice, words: str) -> None:
    path = packed(tmp_path / "a.zip", tree())
    path.write_bytes(path.read_bytes()[cut])
    assert words in refusal(path).message


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"a/notes.txt": b"x"}, "no pictures"),
        ({}, "no pictures"),
        ({"0.png": b"x", "1.png": b"x"}, "class folders"),
        ({"train/0.png": b"x", "test/1.png": b"x"}, "class folders"),
    ],
)
def test_nothing_to_learn_from(tmp_path: Path, members: dict[str, bytes], words: str) -> None:
    assert words in refusal(packed(tmp_path / "a.zip", members)).message


def test_an_archive_that_has_changed_says_so(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", tree())
    with pytest.raises(DataError, match="no longer in the archive"):
        Members(path, ["c/0.png"]).decode(0, 3)
    with pytest.raises(DataError, match="no file"):
        Members(tmp_path / "gone.zip", ["c/0.png"]).decode(0, 3)
