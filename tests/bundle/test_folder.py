from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from archsmith.bundle.folder import check_target, copy, replacing
from archsmith.bundle.manifest import DOCKERFILE, FILES, MANIFEST, REPORT, REQUIREMENTS, check_files
from archsmith.core.errors import UsageError


def test_targets_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="a file of that name"):
        check_target(tmp_path / "file")
    with pytest.raises(UsageError, match="cannot be written"):
        check_target(tmp_path.anchor)
    with pytest.raises(UsageError, match="nothing can be written into"):
        check_target(tmp_path / "file" / "below")
    assert check_target(tmp_path / "new" / "folder") == (tmp_path / "new" / "folder").resolve()
    (tmp_path / "empty").mkdir()
    check_target(tmp_path / "empty")


def test_a_place_that_takes_no_files_is_no_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: Any, **options: Any) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("archsmith.bundle.folder.tempfile.TemporaryDirectory", refused)
    with pytest.raises(UsageError, match="Read-only file system") as caught:
        check_target(tmp_path / "new")
    assert caught.value.hint == "Give a folder in another place."


def test_a_check_leaves_nothing_behind(tmp_path: Path) -> None:
    check_target(tmp_path / "a" / "b")
    assert not list(tmp_path.iterdir())


def test_a_report_beside_a_bundle_is_no_stranger(exported: Any, tmp_path: Path) -> None:
    shutil.copytree(exported.folder, tmp_path / "model")
    (tmp_path / "model" / REPORT).write_text("<html>")
    assert check_target(tmp_path / "model") == (tmp_path / "model").resolve()
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / REPORT).write_text("<html>")
    with pytest.raises(UsageError, match=r"other than a bundle \(report\.html\)"):
        check_target(tmp_path / "alone")


def test_a_copy_takes_the_report_along_and_nothing_else(exported: Any, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(exported.folder, source)
    (source / REPORT).write_text("<html>")
    (source / "__pycache__").mkdir()
    target = copy(source, tmp_path / "deep" / "target")
    assert {path.name for path in target.iterdir()} == {*FILES, MANIFEST, DOCKERFILE, REQUIREMENTS, REPORT}
    check_files(target)
    (source / REPORT).unlink()
    copy(source, target)
    assert not (target / REPORT).exists()
    assert [path.name for path in target.parent.iterdir()] == ["target"]


def test_what_is_no_whole_bundle_is_not_copied(exported: Any, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(exported.folder, source)
    (source / FILES[0]).write_bytes(b"damaged")
    with pytest.raises(UsageError, match="is not the one"):
        copy(source, tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_a_block_that_fails_changes_nothing(exported: Any, tmp_path: Path) -> None:
    target = copy(exported.folder, tmp_path / "model")
    with pytest.raises(RuntimeError), replacing(target) as part:
        (part / "half").write_text("")
        raise RuntimeError
    check_files(target)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
