from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archsmith.app.datasets import DataSet
from archsmith.app.house import House
from archsmith.app.settings import AppSettings
from archsmith.server.refusals import Refusal


def test_what_the_app_keeps_lies_in_the_workspace_that_it_was_given(tmp_path: Path) -> None:
    house = House(AppSettings(workspace=str(tmp_path)))
    assert house.workspace.path == tmp_path
    assert house.folder == tmp_path / "app"


def test_nothing_is_written_before_something_is_done(tmp_path: Path) -> None:
    house = House(AppSettings(workspace=str(tmp_path / "new")))
    assert list(house.studies.list()) == []
    assert house.jobs.all() == []
    assert not (tmp_path / "new").exists()


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Its jobs are begun by name only; ``asked`` are their options."""
    made: Any = House(AppSettings(workspace=str(tmp_path / "w"), allow_paths=tmp_path))
    made.asked = []
    monkeypatch.setattr(made.jobs, "start", lambda options: made.asked.append(options) or "study-1")
    return made


def test_a_study_is_begun_with_the_file_and_the_columns_of_its_data(
    house: Any, table: Path, checked: Callable[[House, str], DataSet]
) -> None:
    data = house.data.add_path(table.name).id
    with pytest.raises(Refusal, match="still being checked|cannot be learnt from"):
        house.start({"data": data})
    checked(house, data)
    house.data.check(data, {"target": "label"})
    checked(house, data)
    assert house.start({"data": data, "seconds": 60.0}) == "study-1"
    assert house.asked == [
        {"data": str(table), "seconds": 60.0, "target": "label", "task": "classification", "modality": "table"}
    ]


def test_the_sample_needs_no_check(house: Any) -> None:
    assert house.start({"data": "digits", "seconds": 60.0}) == "study-1"
    assert house.asked == [{"data": "digits", "seconds": 60.0}]


def test_only_data_of_the_app_are_learnt_from(house: Any) -> None:
    with pytest.raises(Refusal, match="no such data set"):
        house.start({"data": "/etc/passwd"})
    assert house.asked == []
