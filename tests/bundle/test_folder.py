from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from archsmith.bundle.folder import author, check_target, copy, refuse_others, replacing
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


def _of(study: str | None, exported: Any, folder: Path) -> Path:
    """A copy of a bundle that says that ``study`` wrote it."""
    shutil.copytree(exported.folder, folder)
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    manifest["facts"]["study"] = study
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def test_a_bundle_names_the_study_that_wrote_it(exported: Any, tmp_path: Path) -> None:
    assert author(_of("mine", exported, tmp_path / "mine")) == "mine"
    assert author(_of(None, exported, tmp_path / "nobody")) is None
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / MANIFEST).write_text("[1")
    assert author(tmp_path / "other") is author(tmp_path / "nowhere") is None


def test_only_its_own_study_replaces_a_bundle_unless_told_to(exported: Any, tmp_path: Path) -> None:
    mine, new = _of("mine", exported, tmp_path / "mine"), _of("mine", exported, tmp_path / "new")
    theirs, nobodys = _of("theirs", exported, tmp_path / "theirs"), _of(None, exported, tmp_path / "nobody")
    refuse_others(tmp_path / "nowhere", "mine")
    refuse_others(mine, "mine")
    copy(new, mine, replace=False)
    for folder, said in ((theirs, "the bundle of the study theirs"), (nobodys, "no study is known")):
        with pytest.raises(UsageError, match=said) as caught:
            copy(new, folder, replace=False)
        assert caught.value.hint is not None and "--replace" in caught.value.hint
    assert author(theirs) == "theirs"
    copy(new, theirs)
    assert author(theirs) == "mine"
