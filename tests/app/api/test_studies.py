from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from archsmith.app import studies as reading
from archsmith.app.api import studies as api
from archsmith.app.house import House
from archsmith.core.budget import Budget
from archsmith.core.job_records import Note
from archsmith.core.problem import Problem
from archsmith.runtime.resuming import BY_PROGRAM
from archsmith.runtime.search import Search
from archsmith.runtime.sqlite import FILE
from archsmith.strategies.random import RandomSearch
from archsmith.testing.toys import Flat, ToyEvaluator
from archsmith.testing.written import WrittenStudy

ROUTES = ("", "/trials", "/trials/0", "/entrants", "/leaderboard", "/curves", "/events?seconds=1")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(api, "TICK_SECONDS", 0.0)


@pytest.fixture
def running(studies: Path, request: pytest.FixtureRequest) -> Iterator[WrittenStudy]:
    """A study with ten trials that is being written."""
    with WrittenStudy(studies / f"run-{request.node.name[:40]}") as log:
        log.trials(10)
        yield log


@pytest.fixture
def id(running: WrittenStudy) -> str:
    return running.folder.name


def test_the_list_has_a_line_for_each_study(client: TestClient, id: str) -> None:
    said = client.get("/api/v1/studies?limit=200").json()
    row = next(row for row in said["studies"] if row["study"] == id)
    assert (row["state"], row["n_finished"], row["what"]) == ("running", 10, "from digits, nothing exported yet")
    assert said["total"] == len(said["studies"])
    assert client.get("/api/v1/studies?limit=1").json()["total"] == said["total"]


def test_a_study_at_a_glance(client: TestClient, id: str, running: WrittenStudy) -> None:
    facts = client.get(f"/api/v1/studies/{id}").json()
    assert (facts["study"], facts["state"], facts["n_finished"]) == (id, "running", 10)
    again = client.get(f"/api/v1/studies/{id}").json()
    assert again["version"] == facts["version"]
    running.trials(1)
    now = client.get(f"/api/v1/studies/{id}").json()
    assert now["n_finished"] == 11
    assert now["version"] != facts["version"]


def test_one_that_was_killed_says_why(
    client: TestClient, house: House, id: str, running: WrittenStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house.jobs, "why_it_ended", lambda study, changed: f"{study}: signal 9.")
    assert client.get(f"/api/v1/studies/{id}").json()["why"] is None
    running.__exit__(None, None, None)
    facts = client.get(f"/api/v1/studies/{id}").json()
    assert (facts["state"], facts["why"]) == ("interrupted", f"{id}: signal 9.")


def test_trials_and_networks_come_in_pages(client: TestClient, id: str) -> None:
    trials = client.get(f"/api/v1/studies/{id}/trials?offset=2&limit=3").json()
    assert ([row["trial"] for row in trials["trials"]], trials["total"]) == ([2, 3, 4], 10)
    entrants = client.get(f"/api/v1/studies/{id}/entrants?limit=2").json()
    assert len(entrants["entrants"]) == 2 < entrants["total"] <= 10


def test_one_trial_charts_and_leaderboard(client: TestClient, id: str) -> None:
    one = client.get(f"/api/v1/studies/{id}/trials/3").json()
    assert 3 in one["entrant"]["trials"] and one["decisions"]
    charts = client.get(f"/api/v1/studies/{id}/curves").json()
    assert len(charts["progress"]["dots"]) + len(charts["progress"]["failed"]) == 10
    assert client.get(f"/api/v1/studies/{id}/leaderboard").json()["rows"][0]["place"] == 1


@pytest.mark.parametrize("route", ROUTES)
def test_a_study_that_there_is_not_is_a_404(client: TestClient, studies: Path, route: str) -> None:
    answer = client.get(f"/api/v1/studies/nothing{route}")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "study"


@pytest.mark.parametrize("name", ["%2e%2e%2f", "..%2f..%2fetc", "a%00b", "%ff", "a" * 300, "x%5cy", "last"])
def test_odd_names_lead_nowhere(client: TestClient, studies: Path, name: str) -> None:
    assert client.get(f"/api/v1/studies/{name}").status_code in (404, 422)


@pytest.mark.parametrize(
    "asked", ["trials?limit=0", "trials?limit=501", "trials?offset=-1", "trials?order=x", "trials/-1"]
)
def test_what_cannot_be_meant_is_a_422(client: TestClient, id: str, asked: str) -> None:
    assert client.get(f"/api/v1/studies/{id}/{asked}").status_code == 422


def test_a_trial_that_there_is_not_says_which_there_are(client: TestClient, id: str) -> None:
    answer = client.get(f"/api/v1/studies/{id}/trials/99")
    assert answer.status_code == 404
    assert "from 0 to 9" in answer.json()["error"]["hint"]


@pytest.mark.parametrize("route", ROUTES[:2] + ROUTES[3:6])
def test_what_cannot_be_read_is_told_and_no_defect(client: TestClient, studies: Path, route: str) -> None:
    (studies / "damaged").mkdir(exist_ok=True)
    (studies / "damaged" / FILE).write_text("hello")
    answer = client.get(f"/api/v1/studies/damaged{route}")
    assert answer.status_code == 200
    assert client.get("/api/v1/studies/damaged").json()["state"] == "unreadable"


def test_every_field_is_described(client: TestClient) -> None:
    described = client.get("/api/v1/openapi.json").json()
    assert set(described["paths"]) >= {
        f"/api/v1/studies/{{id}}{route}" for route in ("", "/trials", "/entrants", "/curves")
    }


# The stream of changes


def events(lines: str) -> list[tuple[str, dict[str, Any]]]:
    """(name, data) of each event."""
    found = []
    for part in lines.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in part.split("\n") if line and not line.startswith(":"))
        if "event" in fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


async def never() -> bool:
    return False


def stream(house: House, id: str, **more: Any) -> AsyncIterator[str]:
    given = {"gone": never, "seconds": 60, "listeners": api._Listeners(), **more}
    return api._stream(house.studies.get(id), **given)


def test_the_first_event_says_how_things_stand(client: TestClient, id: str) -> None:
    with client.stream("GET", f"/api/v1/studies/{id}/events?seconds=1") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        name, data = events(answer.read().decode())[0]
    assert (name, data["state"], data["n_finished"]) == ("change", "running", 10)
    assert set(data["changed"]) >= {"state", "trials", "curves", "notes"}


def test_each_change_is_one_event_with_what_changed(house: House, id: str, running: WrittenStudy) -> None:
    async def listen() -> list[tuple[str, dict[str, Any]]]:
        told = []
        async for text in stream(house, id):
            told += events(text)
            if len(told) == 1:
                running.write(Note("hear"))
            if len(told) == 2:
                return told
        raise AssertionError("it ended by itself")

    first, second = asyncio.run(listen())
    assert second[1]["changed"] == ["notes"]
    assert second[1]["version"] != first[1]["version"]


def test_a_quiet_study_sends_signs_of_life(house: House, id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "HEARTBEAT_SECONDS", 0.0)

    async def listen() -> list[str]:
        told: list[str] = []
        async for text in stream(house, id):
            told.append(text)
            if len(told) == 4:
                return told
        raise AssertionError("it ended by itself")

    assert asyncio.run(listen())[2:] == [": still here\n\n"] * 2


def test_it_ends_when_the_client_goes_or_the_study_does(house: House, studies: Path) -> None:
    WrittenStudy(studies / "short").__exit__(None, None, None)
    listeners = api._Listeners()

    async def gone() -> bool:
        return True

    async def listen(**more: Any) -> list[str]:
        told = []
        async for text in stream(house, "short", listeners=listeners, **more):
            told.append(text)
            if len(told) == 2:
                shutil.rmtree(studies / "short")
        return told

    assert len(asyncio.run(listen(gone=gone))) == 1
    assert events(asyncio.run(listen())[-1])[0][0] == "gone"
    assert listeners.n == 0


def test_only_so_many_may_listen(client: TestClient, id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "MOST_LISTENERS", 0)
    answer = client.get(f"/api/v1/studies/{id}/events")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]


def test_one_that_a_program_tells_by_hand_did_not_end_on_the_way(client: TestClient, house: House) -> None:
    store = house.workspace.create("by-hand")
    with Search(Problem(Flat()), RandomSearch(), ToyEvaluator(), store=store, budget=Budget(trials=3)) as search:
        (trial,) = search.ask()
        search.tell(trial, 0.5)
    store.close()
    facts = client.get(f"/api/v1/studies/{store.folder.name}").json()
    assert (facts["state"], facts["says"], facts["why"]) == ("interrupted", BY_PROGRAM, None)
    assert not any(facts["controls"].values())
