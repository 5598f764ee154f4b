"""What every folder of stored splits has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from archsmith.core.errors import DataError
from archsmith.data import store_folder
from archsmith.data.lock import FileLock
from archsmith.data.store_folder import locked, mark_used, read_json


def test_a_lock_that_another_holds_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_folder, "WAIT_SECONDS", 0.0)
    other, waits = FileLock(tmp_path / "l"), []
    assert other.take()

    def waiting() -> None:
        waits.append(1)
        if len(waits) == 3:
            other.release()

    with locked(tmp_path / "l", waiting):
        assert not FileLock(tmp_path / "l").take()
    assert len(waits) == 3
    assert FileLock(tmp_path / "l").take()


def test_waiting_may_give_up(tmp_path: Path) -> None:
    other = FileLock(tmp_path / "l")
    assert other.take()

    def waiting() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), locked(tmp_path / "l", waiting):
        pass
    other.release()


def test_an_object_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"b": 1}', encoding="utf-8")
    assert read_json(tmp_path, "a.json") == {"b": 1}


def test_a_missing_file_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no stored data"):
        read_json(tmp_path, "a.json")


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff"])
def test_what_is_no_object_is_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DataError, match="are damaged"):
        read_json(tmp_path, "a.json")


def test_use_is_noted_by_the_time_of_the_folder(tmp_path: Path) -> None:
    os.utime(tmp_path, (1, 1))
    mark_used(tmp_path)
    assert tmp_path.stat().st_mtime > 1
    mark_used(tmp_path / "gone")
