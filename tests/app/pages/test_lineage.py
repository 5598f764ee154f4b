"""The page of a lineage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import Client
from starlette.testclient import TestClient

from archsmith.app.house import House
from archsmith.app.lineage import lineage_of
from archsmith.app.pages.lineage import _lineage


def test_it_shows_the_way_to_the_best(client: TestClient, house: House, evolved: str) -> None:
    found = house.networks.lineage(evolved)
    assert found is not None
    page = client.get(f"/studies/{evolved}/lineage")
    assert page.status_code == 200 and "How the search came to its best" in page.text
    assert found.lead.split("\u00a0")[0] in page.text
    assert f"/studies/{evolved}/networks/{found.path[-1].trial}" in page.text or len(found.path) == 1


def test_with_several_objectives_it_says_by_which_one_is_the_best(
    page: Client, shown: Callable[[], str], view_of: Any, tried: Any
) -> None:
    objectives = [["accuracy", True], ["params", False]]
    problem = {"objectives": objectives, "constraints": [], "fidelity": ["epochs", 1.0, 9.0]}
    first, second = tried(0, 0.5, metrics={"params": 10}), tried(1, 0.9, x=2, parents=(0,), metrics={"params": 90})
    apart = tried(2, 0.4, x=3, metrics={"params": 5})
    found = lineage_of(view_of(first, second, apart, problem=problem, job=False))
    assert found is not None
    _lineage("blots-1", found)
    assert {"The way to the best trial by accuracy", "better by accuracy than before"} <= {*shown().split("\n")}
    assert "best trial by accuracy" in shown()
