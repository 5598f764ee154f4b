from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from archsmith.core.errors import LeaseError, NoStudyError, StudyError
from archsmith.runtime import removing
from archsmith.runtime.sqlite import FILE
from archsmith.runtime.workspace import Workspace


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study with some files, in a workspace of its own."""
    store = Workspace(tmp_path / "ws").create("one", only=True)
    store.close()
    (store.folder / "trials" / "0").mkdir(parents=True)
    (store.folder / "trials" / "0" / "weights").write_bytes(b"x" * 5000)
    return store.folder


def test_a_study_goes_with_all_its_files(study: Path) -> None:
    assert removing.n_bytes(study) >= 5000
    removing.remove(study)
    assert [path.name for path in study.parent.iterdir() if path.is_dir()] == []
    with pytest.raises(NoStudyError, match="not there any more"):
        removing.remove(study)


def test_one_that_a_process_writes_to_stays(study: Path) -> None:
    store = Workspace(study.parent.parent).open(study.name)
    store.acquire()
    try:
        with pytest.raises(LeaseError, match="writing to this study"):
            removing.remove(study)
    finally:
        store.release()
        store.close()
    assert (study / "trials" / "0" / "weights").exists()


def test_a_kill_in_between_leaves_nothing_that_is_listed_and_the_next_removal_tidies(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(study.parent.parent)
    other = workspace.create("two", only=True)
    other.close()
    with monkeypatch.context() as patch:
        patch.setattr(removing, "_delete", lambda folder: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            removing.remove(study)
    assert [each.id for each in workspace.list()] == [other.folder.name]
    (left,) = study.parent.glob(f"{removing.ASIDE}*")
    assert (left / FILE).exists()
    with pytest.raises(NoStudyError):
        workspace.resolve("one")
    removing.remove(other.folder)
    assert not list(study.parent.glob(f"{removing.ASIDE}*"))


def test_no_link_is_followed(study: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine").write_bytes(b"x" * 100_000)
    (study / "trials" / "link").symlink_to(outside)
    (study / "single").symlink_to(outside / "mine")
    assert removing.n_bytes(study) < 100_000
    planted = study.parent / f"{removing.ASIDE}planted"
    planted.symlink_to(outside)
    removing.remove(study)
    assert (outside / "mine").exists() and not os.path.lexists(planted)


def test_of_a_study_that_is_a_link_only_the_link_goes(study: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.move(study, elsewhere)
    study.symlink_to(elsewhere)
    assert removing.n_bytes(study) == 0
    removing.remove(study)
    assert not os.path.lexists(study) and (elsewhere / "trials" / "0" / "weights").exists()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may do everything")
def test_what_cannot_be_moved_stays_whole(study: Path) -> None:
    study.parent.chmod(0o500)
    try:
        with pytest.raises(StudyError, match="cannot be removed"):
            removing.remove(study)
        assert (study / "trials" / "0" / "weights").exists()
    finally:
        study.parent.chmod(0o700)
