"""The JSON twin of the pages about networks."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from archsmith.app.house import House

ROOT = "/api/v1/studies"


def test_facts_are_those_of_the_page(client: TestClient, house: House, evolved: str) -> None:
    said = client.get(f"{ROOT}/{evolved}/networks/3").json()
    known = house.networks.get(evolved, "3")
    assert said["title"] == known.title and said["place"] == known.place
    assert [(fact["name"], fact["text"]) for fact in said["decisions"]] == [(f.name, f.text) for f in known.decisions]


def test_a_drawing_is_an_svg_that_can_do_nothing(client: TestClient, evolved: str) -> None:
    answer = client.get(f"{ROOT}/{evolved}/networks/3.svg?part=1")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert "sandbox" in answer.headers["content-security-policy"] and answer.text.startswith("<svg")
    assert client.get(f"{ROOT}/{evolved}/networks/3.svg").text != answer.text
    assert client.get(f"{ROOT}/{evolved}/networks/3.svg?part=7").status_code == 422


def test_cost_and_source(client: TestClient, evolved: str) -> None:
    said = client.get(f"{ROOT}/{evolved}/networks/3/cost").json()
    assert said["params"] > 0 and said["pictures"][0] == "Whole network"
    answer = client.get(f"{ROOT}/{evolved}/networks/3/source")
    assert answer.headers["content-type"].startswith("text/plain") and "class Network" in answer.text


def test_the_difference_of_two(client: TestClient, evolved: str) -> None:
    said = client.get("/api/v1/differences", params={"study": evolved, "a": "0", "b": "1"}).json()
    assert said["n_different"] == sum(not row["same"] for row in said["decisions"]) > 0
    same = client.get("/api/v1/differences", params={"study": evolved, "a": "0", "b": "0", "other": evolved}).json()
    assert same["n_different"] == 0 and same["second"]["study"] == evolved


def test_the_lineage(client: TestClient, evolved: str) -> None:
    said = client.get(f"{ROOT}/{evolved}/lineage").json()
    assert said["lineage"]["path"][-1]["trial"] == max(step["trial"] for step in said["lineage"]["path"])
    assert said["beliefs"] == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/{study}/networks/99", 404),
        ("/{study}/networks/exported", 404),
        ("/{study}/networks/exported.svg", 404),
        ("/{study}/networks/a", 422),
        ("/{study}/networks/-1", 422),
        ("/nothing/networks/0", 404),
        ("/nothing/lineage", 404),
        ("/%2e%2e/networks/0", 422),
        ("/..%2fevolved/networks/0", 404),
        ("/a%00b/networks/0", 422),
    ],
)
def test_what_is_not_there_is_refused_in_json(client: TestClient, evolved: str, path: str, status: int) -> None:
    answer = client.get(ROOT + path.format(study=evolved))
    assert answer.status_code == status and answer.json()["error"]["message"]


def test_every_answer_is_described(client: TestClient) -> None:
    described = client.get("/api/v1/openapi.json").json()
    paths = [path for path in described["paths"] if "/networks" in path or "lineage" in path or "differences" in path]
    assert len(paths) == 6
    for name in ("NetworkAnswer", "DifferenceAnswer", "LineageAnswer", "CostAnswer"):
        fields = described["components"]["schemas"][name]["properties"]
        assert all("description" in field for field in fields.values()), name
