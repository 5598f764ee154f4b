"""The JSON twin of the pages about comparisons."""

from __future__ import annotations

from starlette.testclient import TestClient

from archsmith.app.house import House

ROOT = "/api/v1/comparisons"


def test_all_are_listed(client: TestClient, compared: str) -> None:
    said = {one["name"]: one for one in client.get(ROOT).json()}
    assert said[compared]["strategies"] == ["random", "local"] and said[compared]["finished"]


def test_one_is_told_in_full(client: TestClient, house: House, compared: str) -> None:
    said = client.get(f"{ROOT}/{compared}").json()
    known = house.comparisons.get(compared)
    assert said["verdict"] == known.verdict and said["tables"][0]["rows"] == [list(r) for r in known.tables[0].rows]


def test_its_report_may_do_nothing(client: TestClient, compared: str) -> None:
    answer = client.get(f"{ROOT}/{compared}/files/report.html")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert "sandbox" in policy and "default-src 'none'" in policy and "script" not in policy
    assert client.get(f"{ROOT}/{compared}/files/runs.csv").headers["content-type"].startswith("text/csv")


def test_what_is_not_there_is_refused(client: TestClient, compared: str) -> None:
    assert client.get(f"{ROOT}/nothing").status_code == 404
    assert client.get(f"{ROOT}/{compared}/files/comparison.json").status_code == 422
    assert client.get(f"{ROOT}/nothing/files/report.html").status_code == 404
