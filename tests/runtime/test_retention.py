from __future__ import annotations

from pathlib import Path

import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.budget import Budget
from archsmith.core.events import Event
from archsmith.core.history import History
from archsmith.core.problem import Fidelity, Objective, Problem
from archsmith.core.protocols import Context, Strategy
from archsmith.core.trial import Outcome
from archsmith.runtime.retention import Retention
from archsmith.runtime.search import Search
from archsmith.runtime.sqlite import SqliteStore
from archsmith.strategies.halving import ASHA, Hyperband, SuccessiveHalving
from archsmith.testing.toys import Flat, ToyEvaluator

SCORES = (0.5, 0.9, 0.2, 0.8, 0.1, 0.3)  # by trial; a seventh one runs


@pytest.fixture
def history() -> History:
    found = History(Problem(Flat()))
    rows = [
        {"id": i, "architecture": {"x": i}, "fidelity": 1.0, "parents": [], "notes": {}} for i in range(len(SCORES) + 1)
    ]
    found.apply(Event("proposed", {"trials": rows}))
    for trial, score in enumerate(SCORES):
        outcome = Outcome.success({"accuracy": score}).to_dict()
        found.apply(Event("finished", {"trial": trial, "outcome": outcome}))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of 1 kB for each trial."""
    for trial in range(len(SCORES) + 1):
        (tmp_path / str(trial) / "deeper").mkdir(parents=True)
        (tmp_path / str(trial) / "deeper" / "weights").write_bytes(bytes(1000))
    return tmp_path


def kept(folder: Path) -> list[int]:
    return sorted(int(path.name) for path in folder.iterdir())


@pytest.mark.parametrize(
    ("retention", "expected"),
    [
        (Retention(), [0, 1, 2, 3, 4, 5, 6]),
        (Retention(top=2, last=1), [1, 3, 5, 6]),
        (Retention(top=0, last=2), [4, 5, 6]),
        (Retention(top=1, last=0), [1, 6]),
        (Retention(top=0, last=0), [6]),
    ],
)
def test_the_best_the_latest_and_the_running_stay(
    folder: Path, history: History, retention: Retention, expected: list[int]
) -> None:
    retention.apply(folder, history)
    assert kept(folder) == expected


@pytest.mark.parametrize(("kilobytes", "expected"), [(0.5, [6]), (1.5, [1, 6]), (2.5, [1, 5, 6]), (3.5, [1, 3, 5, 6])])
def test_under_the_cap_the_best_and_the_latest_come_first(
    folder: Path, history: History, kilobytes: float, expected: list[int]
) -> None:
    Retention(max_mb=kilobytes / 1000).apply(folder, history)
    assert kept(folder) == expected


def test_trials_without_a_folder_cost_nothing(folder: Path, history: History) -> None:
    (folder / "1" / "deeper" / "weights").unlink()
    Retention(max_mb=1.5e-3).apply(folder, history)
    assert kept(folder) == [1, 5, 6]


def test_without_files_there_is_nothing_to_do(tmp_path: Path, history: History) -> None:
    Retention().apply(tmp_path / "trials", history)
    assert not (tmp_path / "trials").exists()


class Writing:
    """Writes a file in the folder of every trial, and notes whether that of its parent is there."""

    metrics = ("accuracy",)
    simulated = False

    def __init__(self) -> None:
        self.found: list[bool] = []

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Outcome:
        assert context.workspace is not None
        if context.continues:
            self.found.append((context.workspace.parent / str(context.parents[0]) / "weights").exists())
        (context.workspace / "weights").write_bytes(bytes(1000))
        return ToyEvaluator(noise=0.1).evaluate(architecture, fidelity, context)


@pytest.mark.parametrize(
    ("strategy", "max_mb", "n_found", "n"),
    [
        (SuccessiveHalving(), 2000.0, 42, 42),
        (Hyperband(), 2000.0, 40, 40),
        (ASHA(), 2000.0, 43, 43),
        (SuccessiveHalving(), 0.04, 41, 42),
        (ASHA(), 0.04, 43, 43),
    ],
)
def test_a_promoted_trial_finds_the_files_of_its_shorter_training(
    tmp_path: Path, strategy: Strategy, max_mb: float, n_found: int, n: int
) -> None:
    evaluator = Writing()
    problem = Problem(Flat(10, 5), fidelity=Fidelity("epochs", 1, 27))
    retention = Retention(max_mb=max_mb)
    store = SqliteStore(tmp_path)
    Search(problem, strategy, evaluator, budget=Budget(trials=150), store=store, retention=retention).run()
    assert (sum(evaluator.found), len(evaluator.found)) == (n_found, n)
    assert len(kept(tmp_path / "trials")) <= 1000 * max_mb


def rehearsed(problem: Problem, *trials: tuple[int, float, tuple[int, ...], dict[str, float] | None]) -> History:
    """A history of trials: what they are, their fidelity, their parents and their metrics; None: it runs."""
    found = History(problem)
    for trial, (x, fidelity, parents, metrics) in enumerate(trials):
        row = {"id": trial, "architecture": {"x": x}, "fidelity": fidelity, "parents": parents, "notes": {}}
        found.apply(Event("proposed", {"trials": [row]}))
        if metrics is not None:
            outcome = Outcome.success(metrics).to_dict()
            found.apply(Event("finished", {"trial": trial, "outcome": outcome}))
    return found


def test_the_files_of_a_parent_stay_until_its_child_is_over(folder: Path) -> None:
    problem = Problem(Flat(), fidelity=Fidelity("epochs", 1, 9))
    begun = [(0, 1.0, (), {"accuracy": 0.9}), (1, 1.0, (), {"accuracy": 0.8}), (0, 3.0, (0,), None)]
    Retention(top=0, last=0, max_mb=0).apply(folder, rehearsed(problem, *begun))
    assert kept(folder) == [0, 2]


def test_with_several_objectives_the_front_stays(folder: Path) -> None:
    problem = Problem(Flat(), (Objective("accuracy"), Objective("params", maximize=False)))
    sizes = {0.5: 10.0, 0.9: 50.0, 0.2: 1.0, 0.8: 60.0, 0.1: 70.0, 0.3: 80.0}
    history = rehearsed(problem, *((x, 1.0, (), {"accuracy": a, "params": sizes[a]}) for x, a in enumerate(SCORES)))
    Retention(top=1, last=1).apply(folder, history)
    assert kept(folder) == [0, 1, 2, 5]
    Retention(top=1, last=1, max_mb=2.5e-3).apply(folder, history)
    assert kept(folder) == [0, 5]  # the knee comes first
