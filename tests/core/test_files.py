from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from archsmith.core.errors import DataError, StudyError, UsageError
from archsmith.core.files import (
    BOMB_BYTES,
    BOMB_RATIO,
    STALE_SECONDS,
    expanded,
    json_value,
    no_such_folder,
    reading,
    refuse_bomb,
    replacing,
    write_bytes,
    write_text,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_with_the_folders_above_it(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b.json", "é\n")
    write_bytes(tmp_path / "a" / "c.bin", b"\x00\r\n")
    assert (tmp_path / "a" / "b.json").read_bytes() == "é\n".encode()
    assert (tmp_path / "a" / "c.bin").read_bytes() == b"\x00\r\n"
    assert names(tmp_path / "a") == ["b.json", "c.bin"]


def test_the_old_file_stands_until_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with replacing(path) as draft:
        draft.write_text("new")
        assert path.read_text() == "old" and draft.parent == path.parent
    assert path.read_text() == "new" and names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_block_that_raises_changes_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(error), replacing(path) as draft:
        draft.write_text("half")
        raise error
    assert path.read_text() == "old" and names(tmp_path) == ["a.txt"]


def test_a_block_that_writes_nothing_changes_nothing(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "old")
    with replacing(tmp_path / "a.txt"):
        pass
    assert (tmp_path / "a.txt").read_text() == "old"


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    with replacing(tmp_path / "a.txt") as one, replacing(tmp_path / "a.txt") as two:
        one.write_text("one")
        two.write_text("two")
    assert (tmp_path / "a.txt").read_text() == "one" and names(tmp_path) == ["a.txt"]


def test_drafts_of_killed_processes_go_away_in_time(tmp_path: Path) -> None:
    old, young, other = (tmp_path / name for name in (".a.txt.0.draft", ".a.txt.1.draft", ".b.txt.2.draft"))
    for path in (old, young, other):
        path.write_text("half")
    for path in (old, other):
        os.utime(path, (0, time.time() - 2 * STALE_SECONDS))
    write_text(tmp_path / "a.txt", "whole")
    assert names(tmp_path) == [".a.txt.1.draft", ".b.txt.2.draft", "a.txt"]


def test_a_place_that_cannot_be_written_raises_what_the_system_says(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        write_text(tmp_path / "file" / "a.txt", "text")


# -- what is read ------------------------------------------------------------------------------------------------------


def test_a_home_is_found_and_that_of_nobody_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/of/me")
    assert expanded("~/a.csv") == Path("/home/of/me/a.csv") and expanded("a.csv") == Path("a.csv")
    with pytest.raises(UsageError, match="no home folder for '~nobody123/a.csv'"):
        expanded("~nobody123/a.csv")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("two\n lines."), "two lines"),
        (KeyError(), "KeyError"),
        (RecursionError("deep"), "too many brackets in brackets"),
        (MemoryError(), "too much memory"),
        (OSError(5, "Input/output error", "a"), "(Input/output error)"),
        (ValueError("x" * 1000), "x" * 100 + ")."),
        (ValueError("odd node: <ast.Call object at 0x7f18>"), "(odd node)"),
    ],
)
def test_whatever_a_library_raises_is_one_sentence(error: Exception, said: str) -> None:
    with pytest.raises(DataError) as caught, reading("The file 'a' is damaged", "Write it again."):
        raise error
    assert said in caught.value.message and caught.value.message.startswith("The file 'a' is damaged (")
    assert caught.value.hint == "Write it again." and caught.value.__cause__ is error


@pytest.mark.parametrize(
    ("text", "said"),
    [("[" * 100_000, "brackets"), ("9" * 5000, "thousands of digits"), ("{", "Expecting property name")],
)
def test_whatever_is_no_json_is_a_value_error(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        json_value(text)


@pytest.mark.parametrize("error", [StudyError("Ours."), KeyboardInterrupt()])
def test_errors_of_our_own_and_interrupts_pass(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, reading("The file 'a' is damaged", "Write it again."):
        raise error
    assert caught.value is error


def test_bombs() -> None:
    refuse_bomb("It", 1, BOMB_BYTES)
    refuse_bomb("It", BOMB_BYTES, BOMB_RATIO * BOMB_BYTES)
    with pytest.raises(DataError, match="It unpacks to"):
        refuse_bomb("It", BOMB_BYTES, BOMB_RATIO * BOMB_BYTES + 1)
    with pytest.raises(DataError, match="It unpacks to"):
        refuse_bomb("It", 0, BOMB_BYTES + 1)


@pytest.mark.parametrize("address", ["https://example.org/x.csv", Path("https://example.org/x.csv"), "s3://bucket/x"])
def test_an_address_is_no_path(address):
    with pytest.raises(UsageError, match="is an address. Nothing is downloaded"):
        expanded(address)


def test_one_door_says_why_a_place_is_no_such_folder(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")

    def told(name):
        return no_such_folder(tmp_path / name, "bundle", "manifest.json").replace(str(tmp_path), "")

    assert no_such_folder("", "bundle", "manifest.json") == "The path of the bundle is empty."
    assert told("gone") == "There is no bundle at '/gone'."
    assert told("file/below") == "There is no bundle at '/file/below'."
    assert told("file") == "'/file' is a file, not the folder of a bundle."
    assert told(".") == "The folder '' is no bundle: it has no manifest.json."
    assert told("x" * 300).endswith("cannot be read: File name too long.")
    monkeypatch.setattr(os, "access", lambda *args: False)
    assert told(".") == "'' cannot be read: its permissions forbid it."


@pytest.mark.parametrize("path", ["", "  "])
def test_an_empty_path_is_not_the_folder_that_one_is_in(path):
    with pytest.raises(UsageError, match=r"A path is empty\."):
        expanded(path)
