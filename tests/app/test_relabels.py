from __future__ import annotations

from pathlib import Path

import pytest

from archsmith.app import relabels
from archsmith.app.relabels import Relabels
from archsmith.core.errors import UsageError


def test_labels_are_kept_by_model(tmp_path: Path) -> None:
    kept = Relabels(tmp_path / "labels")
    assert kept.get("a") == {}
    kept.put("a", 3, "cat")
    kept.put("b", 3, "dog")
    assert Relabels(tmp_path / "labels").get("a") == {3: "cat"}


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_nothing_takes_a_label_back(tmp_path: Path, nothing: str | None) -> None:
    kept = Relabels(tmp_path)
    kept.put("a", 3, "cat")
    assert kept.put("a", 3, nothing) == {}


def test_a_long_label_is_refused(tmp_path: Path) -> None:
    kept = Relabels(tmp_path)
    with pytest.raises(UsageError, match="201 characters"):
        kept.put("a", 1, "x" * 201)
    assert kept.get("a") == {}


def test_too_many_labels_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relabels, "MOST", 2)
    kept = Relabels(tmp_path)
    kept.put("a", 1, "x")
    kept.put("a", 2, "x")
    with pytest.raises(UsageError, match="more than 2"):
        kept.put("a", 3, "x")
    assert kept.put("a", 2, "y") == {1: "x", 2: "y"}


@pytest.mark.parametrize("text", ["{", "[]", '{"x": "cat"}', "\ud800"])
def test_a_damaged_file_is_told_and_stays(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(UsageError, match="cannot be read"):
        Relabels(tmp_path).put("a", 1, "cat")
    assert path.read_bytes() == text.encode("utf-8", "surrogatepass")


def test_labels_that_cannot_be_written_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(relabels, "write_text", full)
    with pytest.raises(UsageError, match="cannot be written .No space left on device"):
        Relabels(tmp_path).put("a", 1, "cat")
