"""The page of one network."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from archsmith.app.drawings import Drawn
from archsmith.app.house import House
from archsmith.app.pages import network
from archsmith.app.pages.network import counts
from archsmith.core.budget import Budget
from archsmith.core.problem import Objective, Problem
from archsmith.evaluators.cost import CostEvaluator
from archsmith.runtime.search import Search
from archsmith.spaces.nasnet import NasNet, NasNetScale
from archsmith.strategies.random import RandomSearch


def test_it_shows_facts_drawing_and_decisions(
    client: TestClient, house: House, evolved: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "AT_FIRST", 60.0)
    with house.studies.get(evolved).look() as view:
        best = view.best
        assert best is not None
        second = view.ranking()[1].id
    page = client.get(f"/studies/{evolved}/networks/{best.id}")
    assert page.status_code == 200
    for words in (f"Trial {best.id} of {evolved}", "What is known of it", "The network", "Its decisions", "Compare"):
        assert words in page.text
    assert "data-viewer" in page.text and "Whole network" in page.text and "/assets/drawing.js" in page.text
    assert f"/studies/{evolved}/networks/{second}" in page.text  # the way to the next one
    assert f"/studies/{evolved}" in page.text


def test_what_there_is_nothing_of_is_not_offered(client: TestClient, house: House) -> None:
    space = NasNet(blocks=2, scale=NasNetScale(filters=4, cells=1))
    store = house.workspace.create("single")
    problem = Problem(space, (Objective("params", maximize=False),))
    Search(problem, RandomSearch(), CostEvaluator(space), budget=Budget(trials=1), store=store).run()
    store.close()
    network, study = f"/studies/{store.folder.name}/networks/0", f"/studies/{store.folder.name}"
    assert "Compare with trial" not in client.get(network).text
    assert "/lineage" not in client.get(network).text
    found = house.networks.get(store.folder.name, "0")
    assert (found.n_others, found.has_history) == (0, False)
    assert client.get(study).status_code == 200


def test_a_drawing_that_takes_its_time_comes_later(
    client: TestClient, evolved: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "AT_FIRST", 0.0)
    page = client.get(f"/studies/{evolved}/networks/7")
    assert "The network is being drawn" in page.text and "data-viewer" not in page.text


def test_counts_are_told_in_three_digits() -> None:
    told = dict(counts(Drawn(1_234_567, 8_900_000, 250_000, 12, ())))
    assert told["parameters"].replace("\u00a0", " ") == "1.23 M"
    assert told["its parameters take"].replace("\u00a0", " ") == "4.94 MB"
    assert told["training keeps, one example"].replace("\u00a0", " ") == "0.25 MB"
