"""The page of a lineage."""

from __future__ import annotations

from starlette.testclient import TestClient

from archsmith.app.house import House


def test_it_shows_the_way_to_the_best(client: TestClient, house: House, evolved: str) -> None:
    found = house.networks.lineage(evolved)
    assert found is not None
    page = client.get(f"/studies/{evolved}/lineage")
    assert page.status_code == 200 and "How the search came to its networks" in page.text
    assert found.lead.split("\u00a0")[0] in page.text
    assert f"/studies/{evolved}/networks/{found.path[-1].trial}" in page.text or len(found.path) == 1
