from __future__ import annotations

from pathlib import Path

import pytest

from archsmith.core.events import Event
from archsmith.core.history import History
from archsmith.core.problem import Problem
from archsmith.core.trial import Outcome
from archsmith.runtime.retention import Retention
from archsmith.testing.toys import Flat

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
