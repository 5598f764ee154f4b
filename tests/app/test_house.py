from __future__ import annotations

from pathlib import Path

from archsmith.app.house import House
from archsmith.app.settings import AppSettings


def test_a_house_writes_nothing_before_somebody_does_something(tmp_path: Path) -> None:
    house = House(AppSettings(workspace=str(tmp_path / "w")))
    assert house.folder == tmp_path / "w" / "app"
    assert house.jobs.all() == []
    assert not (tmp_path / "w").exists()
