from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from archsmith.automl.leaving import leaving
from archsmith.runtime.workspace import Workspace

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(FIXTURES / "rows" / "studies", tmp_path / "studies")
    (summary,) = Workspace(tmp_path).list()
    return summary.folder


def test_a_bundle_that_lies_in_the_study_goes_with_it(folder: Path) -> None:
    found = leaving(folder)
    assert found.id == folder.name and found.n_bytes > 0 and not found.link and not found.kept
    assert "So is its bundle; no other copy of it is known." in found.words


def test_a_bundle_that_lies_elsewhere_stays(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsmith.automl.leaving.bundle_of", lambda view: str(tmp_path / "mine"))
    assert f"Its bundle stays, in {tmp_path / 'mine'}." in leaving(folder).words


def test_a_study_that_cannot_be_read_is_told_of_too(tmp_path: Path) -> None:
    folder = tmp_path / "studies" / "bad-1"
    folder.mkdir(parents=True)
    (folder / "events.sqlite").write_bytes(b"no database" * 300)
    assert leaving(folder).words == "Its log, its trials and its report are deleted for good (3.3 kB)."


def test_of_a_link_only_the_link_is_told(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "studies" / "link"
    link.symlink_to(folder)
    assert "only the link is removed" in leaving(link).words
