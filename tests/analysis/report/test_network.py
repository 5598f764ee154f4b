from __future__ import annotations

from pathlib import Path
from typing import Any

from archsmith.analysis.report.network import drawings, network_of
from archsmith.analysis.study import read_study
from archsmith.core.budget import Budget
from archsmith.core.problem import Objective, Problem
from archsmith.evaluators.cost import CostEvaluator
from archsmith.runtime.search import Search
from archsmith.runtime.sqlite import SqliteStore
from archsmith.spaces.conv_stages import ConvStages
from archsmith.strategies.random import RandomSearch


def test_a_network_is_drawn_with_its_cells(make: Any) -> None:
    study = read_study(make())
    found = network_of(study)
    assert found is not None and found.whose == "exported network" and "parameters" in found.size
    assert [part.title for part in found.inside] == ["Normal cell (one of 2)"]
    drawn = drawings(study, found)
    assert set(drawn) == {"network", "network-part0"} and all('id="tip-' in svg for svg in drawn.values())


def test_of_several_objectives_the_network_of_the_knee_is_drawn(tmp_path: Path) -> None:
    space, store = ConvStages(), SqliteStore(tmp_path / "cost")
    problem = Problem(space, (Objective("params"), Objective("macs")))
    history = Search(problem, RandomSearch(), CostEvaluator(space), budget=Budget(trials=60), store=store).run().history
    store.close()
    study = read_study(tmp_path / "cost")
    found, knee = network_of(study), history.front().knee
    assert found is not None and knee is not None and knee is not history.best()
    assert found.whose == f"network of trial {knee.id}, the knee of the front"
    assert study.graph == space.graph(knee.architecture) != space.graph(history.best().architecture)  # type: ignore[union-attr]


def test_without_a_graph_there_is_nothing_to_draw(make: Any) -> None:
    assert network_of(read_study(make(graph=False, n_trials=0, finished=False))) is None
