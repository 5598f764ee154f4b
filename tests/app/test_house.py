from __future__ import annotations

from pathlib import Path

from archsmith.app.house import House
from archsmith.app.settings import AppSettings


def test_what_the_app_keeps_lies_in_the_workspace_that_it_was_given(tmp_path: Path) -> None:
    house = House(AppSettings(workspace=str(tmp_path)))
    assert house.workspace.path == tmp_path
    assert house.folder == tmp_path / "app"


def test_nothing_is_written_before_something_is_done(tmp_path: Path) -> None:
    house = House(AppSettings(workspace=str(tmp_path / "new")))
    assert list(house.studies.list()) == []
    assert house.jobs.all() == []
    assert not (tmp_path / "new").exists()
