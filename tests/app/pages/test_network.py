"""The page of one network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from nicegui import Client
from starlette.testclient import TestClient

from archsmith.app.drawings import Drawn
from archsmith.app.house import House
from archsmith.app.networks import Curve, Network, Networks
from archsmith.app.pages import network
from archsmith.app.pages.network import counts
from archsmith.core.budget import Budget
from archsmith.core.problem import Objective, Problem
from archsmith.evaluators.cost import CostEvaluator
from archsmith.runtime.search import Search
from archsmith.runtime.study_view import StudyView
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
    for words in (f"Trial {best.id} of {evolved}", "What is known of it", "Its drawing", "Its decisions", "Compare"):
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


def network_of(view: StudyView, name: str) -> Network:
    @contextmanager
    def look(study: str) -> Iterator[StudyView]:
        yield view

    return Networks(look).get("blots-1", name)


def test_equals_are_not_told_as_better_or_best(
    page: Client, shown: Callable[[], str], view_of: Any, tried: Any
) -> None:
    view = view_of(tried(0, 0.9), tried(1, 0.9, x=2), tried(2, 0.5, x=3))
    for name in "01":
        network._beside(network_of(view, name))
    said = shown().replace("\u00a0", " ")
    assert "place 1 of 3 networks with a score, as good as 1 other" in said
    assert "← before it: trial 0" in said and "better" not in said and "the best" not in said


def test_a_training_that_goes_on_is_not_made_from_another_network(
    page: Client, shown: Callable[[], str], view_of: Any, tried: Any
) -> None:
    view = view_of(tried(0, 0.5), tried(1, 0.6, parents=(0,)), tried(2, 0.7, x=2, parents=(1,)))
    network._family(network_of(view, "1"))
    assert [line.strip() for line in shown().split("\n")] == [
        "Goes on from",
        "trial 0",
        "Others made from it:",
        "trial 2",
    ]
    network._family(network_of(view, "0"))
    assert "Its training goes on in: \ntrial 1" in shown()


def test_a_curve_says_its_steps_and_shows_accuracies_in_percent(page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    monkeypatch.setattr(network.parts, "chart", drawn.append)
    network._curve(Curve("accuracy", "accuracy", "steps", ((1.0, 40.0), (2.0, 93.0))))
    assert "step 2: 93</title>" in drawn[0] and "accuracy over steps" in drawn[0] and "epoch" not in drawn[0]


def test_a_curve_of_low_accuracies_in_percent_is_not_on_an_axis_of_shares(
    page: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []
    monkeypatch.setattr(network.parts, "chart", drawn.append)
    network._curve(Curve("accuracy", "accuracy", "epochs", ((1.0, 0.5), (2.0, 1.0)), 93.0))
    assert "epoch 2: 1</title>" in drawn[0] and "%" not in drawn[0]
