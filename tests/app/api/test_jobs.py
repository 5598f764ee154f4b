from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from archsmith.app.house import House
from archsmith.server.refusals import Refusal

STUDIES = "/api/v1/studies"


class Told:
    """Notes what it is asked to do."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def start(self, options: dict[str, Any]) -> str:
        self.asked.append(("start", options))
        return "digits-1"

    def begin(self, options: dict[str, Any]) -> str:
        self.asked.append(("begin", options))
        return "starting-1"

    def stop(self, id: str) -> None:
        self.asked.append(("stop", id))

    def pause(self, id: str) -> bool:
        self.asked.append(("pause", id))
        return True

    def resume(self, id: str, more: str | None) -> str:
        self.asked.append(("resume", id, more))
        return id


@pytest.fixture
def told(house: House, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    made = Told()
    for name in ("start", "begin", "stop", "pause", "resume"):
        monkeypatch.setattr(house.jobs, name, getattr(made, name))
    yield made


def test_a_study_is_begun_with_the_options_that_were_given(client: TestClient, told: Told) -> None:
    wishes = {"data": "digits", "seconds": 120, "settings": {"strategy": {"population": 5}}}
    answer = client.post(STUDIES, json=wishes)
    assert (answer.status_code, answer.json()) == (201, {"study": "digits-1", "job": None})
    assert answer.headers["location"] == f"{STUDIES}/digits-1"
    assert told.asked == [("start", wishes)]


def test_who_does_not_wait_gets_the_job(client: TestClient, told: Told) -> None:
    answer = client.post(f"{STUDIES}?wait=false", json={"data": "digits", "seconds": 120})
    assert (answer.status_code, answer.json()) == (202, {"study": None, "job": "starting-1"})
    assert told.asked == [("begin", {"data": "digits", "seconds": 120})]


def test_a_study_is_ended_and_goes_on(client: TestClient, told: Told) -> None:
    assert client.post(f"{STUDIES}/a-1/stop").json() == {"study": "a-1", "ended": False}
    assert client.post(f"{STUDIES}/a-1/pause").json() == {"study": "a-1", "ended": True}
    assert client.post(f"{STUDIES}/a-1/resume", json={"more": "+20m"}).status_code == 202
    assert client.post(f"{STUDIES}/a-1/resume").status_code == 202
    assert told.asked == [("stop", "a-1"), ("pause", "a-1"), ("resume", "a-1", "+20m"), ("resume", "a-1", None)]


@pytest.mark.parametrize(
    "wishes",
    [
        {},
        {"data": ""},
        {"data": 7},
        {"data": "digits", "out": "/tmp/x"},
        {"data": "digits", "workspace": "/tmp/x"},
        {"data": "digits", "seconds": 1},
        {"data": "digits", "seconds": 1e9},
        {"data": "digits", "workers": 0},
        {"data": "digits", "workers": 10**12},
        {"data": "digits", "settings": {"strategy": 5}},
        {"data": "d" * 2000},
    ],
)
def test_wishes_that_cannot_be_are_refused(client: TestClient, told: Told, wishes: dict[str, Any]) -> None:
    answer = client.post(STUDIES, json=wishes)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"]
    assert told.asked == []


@pytest.mark.parametrize("more", ["soon", "+", "-5m", "1e99", "20 m; rm", 5])
def test_more_has_to_be_a_time(client: TestClient, told: Told, more: Any) -> None:
    assert client.post(f"{STUDIES}/a-1/resume", json={"more": more}).status_code == 422
    assert told.asked == []


def test_a_refusal_keeps_its_status(client: TestClient, told: Told, house: House, monkeypatch: Any) -> None:
    def enough(options: Any) -> str:
        raise Refusal(429, "enough", "2 searches run already.", "Wait.")

    monkeypatch.setattr(house.jobs, "start", enough)
    answer = client.post(STUDIES, json={"data": "digits"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "enough")


def test_an_unknown_study_has_no_log(client: TestClient) -> None:
    assert client.get(f"{STUDIES}/nothing-1/log").status_code == 404
    assert client.get(f"{STUDIES}/nothing-1/log?lines=0").status_code == 422
    assert client.get(f"{STUDIES}/..%2f..%2fx/log").status_code in (404, 422)


def test_every_field_of_a_wish_is_described(client: TestClient) -> None:
    document = client.get("/api/v1/openapi.json").json()["components"]["schemas"]
    assert {name for name, field in document["Wishes"]["properties"].items() if not field.get("description")} == set()
    assert "out" not in document["Wishes"]["properties"]


def test_a_list_is_called_a_list(client: TestClient) -> None:
    answer = client.post("/api/v1/studies", json={"data": "digits", "ignore": "Nam"})
    assert answer.status_code == 422
    assert answer.json()["error"]["message"] == "body.ignore: Input should be a valid list."
