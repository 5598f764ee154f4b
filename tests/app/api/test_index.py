from __future__ import annotations

from starlette.testclient import TestClient

from archsmith.app.api.index import DOCS, operations


def test_the_root_lists_every_address_with_a_sentence(client: TestClient) -> None:
    found = client.get("/api/v1").json()
    assert found == client.get("/api/v1/").json()
    assert (found["name"], found["docs"], found["openapi"]) == ("Archsmith", DOCS, "/api/v1/openapi.json")
    told = {(each["method"], each["path"]) for each in found["addresses"]}
    described = {(method, path) for path, method, _ in operations(client.get(found["openapi"]).json())}
    assert told == described and ("DELETE", "/api/v1/studies/{study}") in told
    assert all(len(each["says"]) > 10 and each["says"].endswith(".") for each in found["addresses"])
