"""The laws over the whole catalogue: whatever has a row there is checked here, with every strategy on every space."""

from __future__ import annotations

import dataclasses
import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith import catalog
from archsmith.core import growth
from archsmith.core.architecture import Architecture
from archsmith.core.budget import Budget
from archsmith.core.history import History
from archsmith.core.problem import Problem
from archsmith.core.protocols import Evaluator, Strategy
from archsmith.core.records import Finished, Proposed, ProposedTrial, StudyRecord
from archsmith.core.space import Space
from archsmith.core.trial import Outcome
from archsmith.evaluators.cost import CostEvaluator
from archsmith.evaluators.fcnet import OPTIONS, WIDTHS, FcNetEvaluator
from archsmith.evaluators.functions import FunctionEvaluator
from archsmith.evaluators.nasbench201 import NasBench201Evaluator
from archsmith.evaluators.table import TableEvaluator, TableSpace
from archsmith.evaluators.table_file import write_table
from archsmith.evaluators.wrappers import Cached, Cascade, Noisy, Repeated
from archsmith.graphs.network_space import NetworkSpace
from archsmith.runtime.search import Search
from archsmith.runtime.sqlite import SqliteStore
from archsmith.spaces.darts import Darts
from archsmith.spaces.nasbench201 import OPERATIONS, NasBench201
from archsmith.spaces.tabular import Tabular
from archsmith.strategies import progressive
from archsmith.strategies.bananas import Bananas
from archsmith.strategies.evolution import RegularizedEvolution
from archsmith.strategies.graph_gp import GraphGP
from archsmith.strategies.local import LocalSearch
from archsmith.strategies.nsga2 import NSGA2
from archsmith.strategies.optuna_bridge import OptunaStrategy
from archsmith.strategies.race import Race
from archsmith.strategies.random import RandomSearch
from archsmith.strategies.reinforce import Reinforce
from archsmith.strategies.tabular import TabularReinforce
from archsmith.surrogates import ensemble
from archsmith.testing.laws import check_evaluator, check_learning, check_network_space, check_space, check_strategy
from archsmith.testing.toys import Conditional, Flat, Recursive, ToyEvaluator

SPACES: dict[str, Space] = {
    **{name: catalog.get("space", name)() for name in catalog.names("space") if name != "table"},
    "toy_large": Flat(6, 10),
    "toy_dead_ends": Recursive(3, max_nodes=5),
}
NETWORK_SPACES = {name: space for name, space in SPACES.items() if isinstance(space, NetworkSpace)}
STRATEGIES: dict[str, Strategy] = {
    **{name: catalog.get("strategy", name)() for name in catalog.names("strategy")},
    "graph_gp": GraphGP(candidates=12),  # looking at 300 networks in every ask would take minutes here
    "bananas": Bananas(candidates=12),  # for the same reason
    "race": Race(inner=RandomSearch()),  # for the same reason
    "reinforce": Reinforce(batch=4),  # else it would not learn within 8 trials
    "evolution_of_five": RegularizedEvolution(population=5, sample_size=2, start=False),
    "local_first": LocalSearch(first_improvement=True, start=False),
}
TOYS: dict[str, ToyEvaluator] = {
    "additive": ToyEvaluator(),
    "hashed": ToyEvaluator(additive=False, steps=2),
    "noisy": ToyEvaluator(noise=0.1),
    "failing": ToyEvaluator(fail=0.3, nan=0.2),
    "simulated": ToyEvaluator(simulated=True, seconds=60.0),
}


@pytest.fixture(autouse=True)
def narrow_beam(monkeypatch: pytest.MonkeyPatch) -> None:
    """Laws do not depend on how wide the beam of a progressive search is, nor on how long its surrogate learns."""
    monkeypatch.setattr(progressive, "BEAM", 16)
    monkeypatch.setattr(growth, "FEWEST", 20)
    monkeypatch.setattr(ensemble, "FEWEST_STEPS", 10)
    monkeypatch.setattr(ensemble, "STEPS_PER_ROW", 2)


def at_small_scale(space: NetworkSpace) -> NetworkSpace:
    """The same space, cheap to build: few filters and cells, a small image; few columns of a table."""
    if isinstance(space, Tabular):
        return dataclasses.replace(space, numbers=3, missing=(1,), n_outputs=3)
    scale: Any = space.scale  # type: ignore[attr-defined]
    few = {"filters": 4, "cells": 3 if isinstance(space, Darts) else 1, "layers": 3, "depth": 3}
    smaller = {name: value for name, value in few.items() if hasattr(scale, name)}
    return dataclasses.replace(space, input_shape=(2, 12, 12), n_outputs=3, scale=dataclasses.replace(scale, **smaller))  # type: ignore[call-arg]


@pytest.mark.parametrize("name", SPACES)
def test_spaces(name: str) -> None:
    space = SPACES[name]
    scales = [at_small_scale(space)] if isinstance(space, NetworkSpace) else []
    check_space(space, scales=scales, n_samples=8, enumerate_limit=1000)


@pytest.mark.parametrize("name", NETWORK_SPACES)
def test_network_spaces(name: str) -> None:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    check_network_space(at_small_scale(NETWORK_SPACES[name]), n_samples=2)


@pytest.mark.parametrize(("space", "strategy"), list(itertools.product(SPACES, STRATEGIES)))
def test_strategies(space: str, strategy: str) -> None:
    few = space in NETWORK_SPACES
    n_trials = 15 if strategy == "progressive" and not few else 8 if few else 30  # each of its levels is grown again
    check_strategy(STRATEGIES[strategy], SPACES[space], n_trials=n_trials)


# Strategies that refuse a search whose evaluator they cannot use are tried where it can be (tests/oneshot).
SEARCHING = [name for name, strategy in STRATEGIES.items() if not hasattr(strategy, "check")]


@pytest.mark.parametrize(("space", "strategy"), list(itertools.product(SPACES, SEARCHING)))
def test_searches_with_toy_evaluators(space: str, strategy: str) -> None:
    """Every space × strategy × toy evaluator in the real loop: it uses up its budget of trials, and a second run writes
    the same log.
    """
    for toy, evaluator in TOYS.items():
        logs = []
        for _ in range(1 if space in NETWORK_SPACES else 2):
            result = Search(
                Problem(SPACES[space]), STRATEGIES[strategy], evaluator, budget=Budget(trials=8), seed=3
            ).run()
            assert result.reason == "trials", toy
            assert len(result.history.finished) == 8
            logs.append(
                [(trial.architecture, trial.losses, trial.notes, trial.parents) for trial in result.history.trials]
            )
        assert all(log == logs[0] for log in logs)


@pytest.mark.parametrize(("strategy", "space"), list(itertools.product(SEARCHING, [Flat(2, 3), Recursive(2)])))
def test_searches_end_as_exhausted_on_finite_spaces(strategy: str, space: Space) -> None:
    result = Search(Problem(space), STRATEGIES[strategy], ToyEvaluator(fail=0.2), budget=Budget(trials=10_000)).run()
    assert result.reason == "exhausted"
    assert {trial.architecture for trial in result.history.trials} == set(space.enumerate())


# Strategies that claim to learn, with the trials that they get for it. Seeds are fixed: these do not fail by chance.
LEARNERS: dict[str, tuple[Strategy, int]] = {
    "evolution": (RegularizedEvolution(population=20, sample_size=5), 200),
    "local": (LocalSearch(), 200),
    "nsga2": (NSGA2(), 100),
    "graph_gp": (GraphGP(candidates=12), 40),
    "bananas": (Bananas(candidates=12), 60),
    "tabular": (TabularReinforce(), 400),
    "reinforce": (Reinforce(batch=4), 200),
    "optuna": (OptunaStrategy(), 100),
}
SLOW_LEARNERS = ("reinforce", "optuna")  # ten seconds each
NO_LEARNERS = {
    "random": "it is what the others are compared with",
    "halving": "it spends less on each trial, and learns nothing about architectures",
    "hyperband": "as halving",
    "asha": "as halving",
    "race": "what it proposes comes from another strategy",
    "progressive": "it grows networks block by block, and the toy has no blocks",
    "enas": "it learns while it prepares, from shared weights",
}


def test_every_strategy_of_the_catalogue_says_whether_it_learns() -> None:
    assert set(catalog.names("strategy")) == LEARNERS.keys() | NO_LEARNERS.keys()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW_LEARNERS else ()) for name in LEARNERS]
)
def test_strategies_that_claim_to_learn(name: str) -> None:
    if name == "optuna":
        pytest.importorskip("optuna")
    strategy, n_trials = LEARNERS[name]
    check_learning(strategy, n_trials=n_trials)


# Evaluators: one example of each row, with the problem that it is for.


def _table(folder: Path) -> tuple[Evaluator, Problem]:
    points = list(Conditional().enumerate())
    score = np.random.default_rng(0).random((len(points), 2, 3))
    write_table(folder / "table.npz", points, {"accuracy": score}, fidelities=(1, 9))
    evaluator = TableEvaluator(str(folder / "table.npz"), noisy=True)
    return evaluator, evaluator.problem()


def _nasbench201(folder: Path) -> tuple[Evaluator, Problem]:
    ops = np.array(list(itertools.product(range(5), repeat=6)), dtype=np.uint8)
    columns = {
        f"cifar10_{name}": np.arange(len(ops))
        for name in ("valid_12", "test_12", "valid_200", "test_200", "train_seconds_200", "params_m")
    }
    np.savez(folder / "bench.npz", ops=ops, op_names=np.array(OPERATIONS), **columns)
    return NasBench201Evaluator(str(folder / "bench.npz")), Problem(NasBench201())


def _fcnet(folder: Path) -> tuple[Evaluator, Problem]:
    keys = np.array(list(np.ndindex(*WIDTHS)), dtype=np.uint8)
    errors = np.random.default_rng(0).random((len(keys), 4))
    np.savez(folder / "bench.npz", search_space=np.array(json.dumps(OPTIONS)), keys=keys, protein_structure=errors)
    evaluator = FcNetEvaluator(str(folder / "bench.npz"), noisy=True)
    return evaluator, evaluator.problem()


def _toy(evaluator: Any) -> Callable[[Path], tuple[Evaluator, Problem]]:
    return lambda folder: (evaluator, Problem(Conditional()))


def number_of_decisions(architecture: Any) -> float:
    return float(len(architecture))


EVALUATORS: dict[str, Callable[[Path], tuple[Evaluator, Problem]]] = {
    "table": _table,
    "nasbench201": _nasbench201,
    "fcnet": _fcnet,
    "toy": _toy(ToyEvaluator()),
    "function": _toy(FunctionEvaluator(number_of_decisions)),
    "cost": lambda folder: (CostEvaluator(NasBench201()), Problem(NasBench201())),
    "repeated": _toy(Repeated(ToyEvaluator(noise=0.1))),
    "noisy": _toy(Noisy(ToyEvaluator())),
    "cascade": _toy(Cascade(ToyEvaluator(), ToyEvaluator(noise=0.1))),
    # A cache keeps the law where what it wraps does not depend on the seed; elsewhere the first seed's answer stays,
    # which is what it is for.
    "cached": _toy(Cached(ToyEvaluator())),
}
ELSEWHERE = {
    "training": "tests/evaluators/test_training.py: it needs data",
    "proxies": "tests/evaluators/test_proxies.py: it needs a space of networks",
    "shared_weights": "tests/oneshot/test_evaluator.py: it needs data",
}


@pytest.mark.parametrize("name", [name for name, strategy in STRATEGIES.items() if hasattr(strategy, "seed")])
def test_a_strategy_has_the_seed_of_its_study_unless_it_has_its_own(name: str) -> None:
    space, toy = Flat(6, 10), ToyEvaluator()
    tried = [space.sample(np.random.default_rng(i)) for i in range(12)]

    def proposed(of_study: int, **own: int) -> list[tuple[Architecture, Any]]:
        history = History(Problem(space))
        history.take(StudyRecord(seed=of_study))
        history.take(Proposed(tuple(ProposedTrial(i, architecture) for i, architecture in enumerate(tried))))
        for i, architecture in enumerate(tried):
            history.take(Finished(i, Outcome.success({"accuracy": toy.score(architecture, fidelity=1)})))
        strategy: Strategy = dataclasses.replace(STRATEGIES[name], **own)  # type: ignore[type-var]
        return [(p.architecture, p.notes) for p in strategy.ask(history, 10, np.random.default_rng(0))]

    assert proposed(5) == proposed(0, seed=5) != proposed(0)
    assert proposed(5, seed=3) == proposed(0, seed=3) != proposed(5)


def test_every_evaluator_of_the_catalogue_is_checked() -> None:
    assert set(catalog.names("evaluator")) <= EVALUATORS.keys() | ELSEWHERE.keys()


@pytest.mark.parametrize("name", EVALUATORS)
def test_evaluators(name: str, tmp_path: Path) -> None:
    evaluator, problem = EVALUATORS[name](tmp_path)
    check_evaluator(evaluator, problem)


def test_the_space_of_a_table(tmp_path: Path) -> None:
    _, problem = _table(tmp_path)
    check_space(problem.space)
    for strategy in STRATEGIES.values():
        check_strategy(strategy, problem.space, n_trials=10)
    assert isinstance(problem.space, TableSpace)


@pytest.mark.parametrize("kind", ["space", "strategy"])
def test_specs_survive_json(kind: str) -> None:
    for thing in (SPACES if kind == "space" else STRATEGIES).values():
        assert catalog.from_spec(json.loads(json.dumps(catalog.to_spec(thing))), kind) == thing


@pytest.mark.slow
@pytest.mark.parametrize(
    "strategy", [RandomSearch(), RegularizedEvolution()], ids=lambda strategy: type(strategy).__name__
)
def test_twenty_thousand_trials_take_twenty_seconds_at_most(strategy: Strategy, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    began = time.perf_counter()
    result = Search(
        Problem(Flat(6, 10)), strategy, ToyEvaluator(simulated=True), budget=Budget(trials=20_000), store=store
    ).run()
    assert time.perf_counter() - began <= 20
    assert len(result.history.finished) == 20_000
    store.close()
