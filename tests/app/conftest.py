"""The app, once for each process of tests: NiceGUI knows one set of pages in a process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("nicegui", reason="the extra 'app' is not installed")

from starlette.testclient import TestClient

from archsmith.analysis.comparison.compare import compare
from archsmith.analysis.comparison.page import write_comparison
from archsmith.app.house import House
from archsmith.app.run import NOT_KEPT, create
from archsmith.app.settings import AppSettings
from archsmith.core.budget import Budget
from archsmith.core.problem import Objective, Problem
from archsmith.evaluators.cost import CostEvaluator
from archsmith.runtime.comparison import Comparison, Plan
from archsmith.runtime.search import Search
from archsmith.spaces.nasnet import NasNet, NasNetScale
from archsmith.strategies.evolution import RegularizedEvolution
from archsmith.strategies.local import LocalSearch
from archsmith.strategies.random import RandomSearch
from archsmith.testing.toys import Flat, ToyEvaluator


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """The parts of the app, over a workspace of its own."""
    return House(AppSettings(workspace=str(tmp_path_factory.mktemp("workspace"))))


@pytest.fixture(scope="session")
def client(house: House) -> Iterator[TestClient]:
    """Asks API and pages, without the gate. What pages hold when they are sent is in the text of the answer."""
    os.environ[NOT_KEPT] = str(house.folder / "nicegui")
    with TestClient(create(house), raise_server_exceptions=False) as made:
        yield made


@pytest.fixture
def studies(house: House) -> Path:
    """The folder of studies."""
    house.workspace.studies.mkdir(parents=True, exist_ok=True)
    return house.workspace.studies


@pytest.fixture(scope="session")
def evolved(house: House) -> str:
    """The id of a study of networks that were made from one another: 12 trials, the smallest network wins."""
    space = NasNet(blocks=2, scale=NasNetScale(filters=4, cells=1))
    problem = Problem(space, (Objective("params", maximize=False),))
    store = house.workspace.create("evolved")
    Search(
        problem,
        RegularizedEvolution(population=4, sample_size=2),
        CostEvaluator(space),
        budget=Budget(trials=12),
        store=store,
    ).run()
    store.close()
    return store.folder.name


@pytest.fixture(scope="session")
def compared(house: House) -> str:
    """The name of a finished comparison of two strategies on a toy."""
    plan = Plan.of(
        Problem(Flat()),
        ToyEvaluator(),
        {"random": RandomSearch(), "local": LocalSearch()},
        runs=2,
        trials=6,
        title="toys",
    )
    comparison = Comparison(house.comparisons.folder / "toys", plan)
    comparison.run()
    write_comparison(compare(plan, comparison.runs()), plan, comparison.folder)
    return comparison.folder.name
