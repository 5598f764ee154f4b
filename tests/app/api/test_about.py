from starlette.testclient import TestClient

from archsmith.app.house import House
from archsmith.version import VERSION


def test_the_app_says_what_it_is_and_allows(client: TestClient, house: House) -> None:
    said = client.get("/api/v1/about").json()
    assert said["version"] == VERSION
    assert said["workspace"] == str(house.workspace.path)
    assert said["allow_paths"] is False


def test_an_address_without_a_route_is_refused_in_json(client: TestClient) -> None:
    answer = client.get("/api/v1/nothing/here")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "nothing"
