from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from archsmith.analysis import study as reading
from archsmith.analysis.study import read_study
from archsmith.core.budget import Budget
from archsmith.core.errors import StudyError, UsageError
from archsmith.core.events import Event
from archsmith.core.problem import Problem
from archsmith.runtime.search import Search
from archsmith.runtime.sqlite import SqliteStore
from archsmith.strategies.random import RandomSearch
from archsmith.testing.toys import Flat, ToyEvaluator


def test_it_folds_the_log(make: Any) -> None:
    study = read_study(make(n_trials=20, failed=(4,)))
    assert len(study.history.finished) == 20 and study.n_failed == 1
    assert study.phases["search"].seconds == 40.0 and study.phases["search"].forecast_seconds == 40.0
    assert [epoch for epoch, _ in study.curves["searched"]] == [float(i) for i in range(1, 9)]
    assert study.search_reason == "seconds" and study.test_reads == 1 and not study.running
    assert study.exported is not None and study.exported["name"] == "searched"


def test_trials_end_on_the_clock_of_the_study(make: Any) -> None:
    study = read_study(make(n_trials=3))
    assert [study.finished_at[i] for i in range(3)] == [3.0, 5.0, 7.0]  # one second of the linear row, then two a trial


def test_the_clock_stands_still_while_nobody_works(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(n_trials=2, finished=False)
    before = read_study(folder).seconds
    store = SqliteStore(folder)
    store.acquire()
    monkeypatch.setattr("archsmith.runtime.sqlite.time.time", lambda: 1_790_000_000.0)
    store.append([Event("opened", {"pid": 2, "host": "here", "budget": [60.0, None]})])
    monkeypatch.setattr("archsmith.runtime.sqlite.time.time", lambda: 1_790_000_010.0)
    store.append([Event("note", {"text": "on we go"})])
    store.close()
    assert read_study(folder).seconds == before + 10.0


def test_a_phase_that_was_cut_off_took_its_time_too(make: Any) -> None:
    study = read_study(make(n_trials=5, finished=False))
    assert study.phases["search"].state == "started" and study.phases["search"].seconds == 10.0


def test_trials_of_a_table_run_on_simulated_time(make: Any) -> None:
    folder = make(n_trials=0, finished=False)
    store = SqliteStore(folder)
    store.acquire()
    for i in range(3):
        row = {"id": i, "architecture": {"a": i}, "fidelity": 1.0, "parents": [], "notes": {}}
        outcome = {
            "status": "ok",
            "metrics": {"accuracy": 0.5},
            "seconds": 1000.0,
            "error": None,
            "error_kind": None,
            "notes": {},
        }
        store.append([Event("proposed", {"trials": [row]}), Event("finished", {"trial": i, "outcome": outcome})])
    store.close()
    study = read_study(folder)
    assert study.simulated and study.finished_at == {0: 1000.0, 1: 2000.0, 2: 3000.0}


def test_a_preparation_that_was_killed_repeats_itself(prepared: Any) -> None:
    reports = [(1.0, {"train_loss": 3.0}), (2.0, {"train_loss": 2.0, "reward": 0.1}), (2.4, {"train_loss": 1.0})]
    study = read_study(prepared([*reports, (2.0, {"reward": 0.2}), (3.0, {"train_loss": 1.5})]))
    assert study.preparing == [
        (1.0, {"train_loss": 3.0}),
        (2.0, {"train_loss": 2.0, "reward": 0.2}),
        (3.0, {"train_loss": 1.5}),
    ]


def test_the_end_of_a_preparation_is_known_where_it_took_time(prepared: Any, make: Any) -> None:
    assert read_study(prepared([(1.0, {}), (2.0, {})], {})).prepared_at == 20.0
    assert read_study(prepared([], {})).prepared_at == 0.0 and read_study(make()).prepared_at == 0.0


def test_rows_of_an_unfinished_study_are_those_whose_training_is_over(make: Any) -> None:
    assert [(row["name"], row["valid"]) for row in read_study(make(finished=False)).rows] == [("linear", 0.6)]


def test_predictions_of_another_network_than_the_result_is_of_are_left_out(make: Any) -> None:
    folder = make()
    store = SqliteStore(folder)
    store.acquire()
    store.append([Event("opened", {"pid": 2, "host": "here", "budget": [120.0, None]}), Event("extended", {})])
    assert read_study(folder).test is not None  # they are of the result still
    store.append([Event("phase", {"name": "test", "state": "finished", "seconds": 0.1, "result": {}})])
    store.close()
    study = read_study(folder)
    assert study.test is None and "has measured its network anew since" in study.missing[0]


def test_nothing_in_the_log(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    store.acquire()
    store.close()
    with pytest.raises(StudyError, match="nothing in its log"):
        read_study(tmp_path)


def test_why_there_is_no_drawing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SqliteStore(tmp_path / "toy")
    Search(Problem(Flat()), RandomSearch(), ToyEvaluator(), budget=Budget(trials=3), store=store).run()
    plain = "There is no drawing of a network: the space has settings, not networks."
    assert read_study(tmp_path / "toy").missing == [plain]
    assert read_study(tmp_path / "toy").tried_things == "architectures"

    def unknown(study: object, architecture: object) -> None:
        raise UsageError("mine:Knobs is not known here.", "If you trust it: archsmith --import mine …")

    monkeypatch.setattr(reading, "graph_of", unknown)
    assert read_study(tmp_path / "toy").missing == [
        "There is no drawing of a network: if this study has networks and not only settings, they could not be rebuilt "
        "here. mine:Knobs is not known here. If you trust it: archsmith --import mine …"
    ]


def test_predictions_of_a_job_without_a_result_are_not_shown(make: Any) -> None:
    folder, other = make(finished=False), make()
    (folder / "final" / "predictions.npz").write_bytes((other / "final" / "predictions.npz").read_bytes())
    study = read_study(folder)
    assert study.test is None and read_study(other).test is not None
