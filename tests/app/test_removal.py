from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archsmith.app.house import House
from archsmith.app.jobs import Denied
from archsmith.app.settings import AppSettings
from archsmith.core.errors import LeaseError, NoStudyError
from archsmith.runtime import removing
from archsmith.server.refusals import Refusal


@pytest.fixture
def made(tmp_path: Path, settle: Callable[[str, Path], str]) -> tuple[House, str]:
    """A house with one finished study."""
    workspace = tmp_path / "w"
    return House(AppSettings(workspace=str(workspace))), settle("rows", workspace)


def test_a_study_goes_with_its_model_and_what_was_said_of_it(made: tuple[House, str]) -> None:
    house, id = made
    house.models.relabels.put(id, 1, "round")
    job = house.folder / "jobs" / "starting-20260101-000000-abc"
    job.mkdir(parents=True)
    (job / "job.json").write_text(
        f'{{"study": "{id}", "data": "d", "started": 1.0, '
        '"process": {"pid": 1, "host": "elsewhere", "token": "x", "since": 1.0}}'
    )
    with house.studies.get(id).look() as view:
        assert view.state == "finished"
    assert len(house.models.list()) == len(house.studies.list()) == 1
    assert "deleted for good (" in house.removal.words(id)
    house.removal.remove(id)
    assert house.models.list() == [] == list(house.studies.list())
    assert not job.exists() and house.models.relabels.get(id) == {}
    for ask, error in ((house.studies.get, NoStudyError), (house.models.get, Refusal), (house.removal.remove, Denied)):
        with pytest.raises(error):
            ask(id)


def test_its_server_is_ended(made: tuple[House, str], monkeypatch: pytest.MonkeyPatch) -> None:
    house, id = made
    ended: list[str] = []
    monkeypatch.setattr(house.endpoints, "all", lambda: [id])
    monkeypatch.setattr(house.endpoints, "stop", ended.append)
    assert house.removal.words(id).endswith("The server of its model is ended.")
    house.removal.remove(id)
    assert ended == [id]


def test_one_that_runs_stays(made: tuple[House, str], monkeypatch: pytest.MonkeyPatch) -> None:
    house, id = made
    store = house.workspace.open(id)
    store.acquire()
    with pytest.raises(Denied, match="is running") as denied:
        house.removal.remove(id)
    assert denied.value.status == 409
    store.release()
    store.close()

    def late(folder: Path) -> None:
        raise LeaseError("It has begun.")

    monkeypatch.setattr(removing, "remove", late)
    with pytest.raises(Denied, match="is running"):
        house.removal.remove(id)
    assert len(house.studies.list()) == 1


@pytest.mark.parametrize("id", ["", ".", "..", "../studies", "a/b", "a\\b", "/etc", "x" * 300, "a\0b", ".removed-1"])
def test_no_id_leads_elsewhere(made: tuple[House, str], id: str) -> None:
    house, study = made
    outside = house.workspace.path / "elsewhere"
    shutil.copytree(house.workspace.studies / study, outside)
    for ask in (house.removal.remove, house.removal.words):
        with pytest.raises(Denied) as denied:
            ask(id)
        assert denied.value.status == 404
    assert outside.exists() and (house.workspace.studies / study).exists()


def test_of_a_link_to_elsewhere_only_the_link_goes(made: tuple[House, str], tmp_path: Path) -> None:
    house, study = made
    elsewhere = tmp_path / "elsewhere"
    shutil.move(house.workspace.studies / study, elsewhere)
    (house.workspace.studies / study).symlink_to(elsewhere)
    house.removal.remove(study)
    assert (elsewhere / "events.sqlite").exists() and not (house.workspace.studies / study).is_symlink()


def test_the_api_removes_it(client: Any, house: House, settle: Callable[[str, Path], str]) -> None:
    id = settle("rows", house.workspace.path)
    address = f"/api/v1/studies/{id}"
    store = house.workspace.open(id)
    store.acquire()
    answer = client.delete(address)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "running")
    store.release()
    store.close()
    answer = client.delete(address)
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.delete(address).status_code == client.get(address).status_code == 404
    for odd in ("..%2Fstudies", "%2e%2e", ".removed-1", "a%00b"):
        assert client.delete(f"/api/v1/studies/{odd}").status_code in (404, 405, 422), odd
    assert house.workspace.studies.is_dir()
