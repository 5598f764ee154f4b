from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest

from archsmith.cli.progress import Progress
from archsmith.core.events import Event
from archsmith.core.trial import Outcome


def events(*pairs: tuple[str, Mapping[str, Any]]) -> list[Event]:
    return [Event(kind, data, index, time.time()) for index, (kind, data) in enumerate(pairs)]


def proposed(trial: int, parents: tuple[int, ...] = (), fidelity: float = 1, **answers: Any) -> tuple[str, dict[str, Any]]:
    return "proposed", {"trials": [{"id": trial, "architecture": answers, "fidelity": fidelity, "parents": list(parents), "notes": {}}]}


def finished(trial: int, accuracy: float | None) -> tuple[str, dict[str, Any]]:
    outcome = Outcome.failure(ValueError("no")) if accuracy is None else Outcome.success({"accuracy": accuracy}, seconds=2.0)
    return "finished", {"trial": trial, "outcome": outcome.to_dict()}


STUDY = ("study", {"problem": {"objectives": [["accuracy", True]]}})


def fold(*pairs: tuple[str, Mapping[str, Any]], **budget: Any) -> Progress:
    progress = Progress(**budget)
    for event in events(*pairs):
        progress.apply(event)
    return progress


def test_the_best_is_the_first_of_the_highest_scores() -> None:
    progress = fold(STUDY, *(row for i, score in enumerate((0.5, 0.9, 0.9, 0.7)) for row in (proposed(i), finished(i, score))))
    assert progress.leader is not None
    assert (progress.leader.id, progress.leader.value) == (1, 0.9)
    assert [row.best for row in progress.trials.values()] == [True, True, False, False]


def test_a_metric_to_minimise_is_led_by_the_lowest() -> None:
    study = ("study", {"problem": {"objectives": [["accuracy", False]]}})
    progress = fold(study, proposed(0), finished(0, 0.5), proposed(1), finished(1, 0.2))
    assert progress.leader is not None and progress.leader.id == 1


def test_scores_of_different_fidelities_are_not_compared() -> None:
    progress = fold(STUDY, proposed(0, fidelity=1), finished(0, 0.9), proposed(1, fidelity=4), finished(1, 0.8))
    assert progress.leader is not None and progress.leader.id == 1


def test_failures_are_counted_and_never_lead() -> None:
    progress = fold(STUDY, proposed(0), finished(0, None))
    assert (progress.n_finished, progress.n_failed, progress.leader) == (1, 1, None)
    assert progress.trials[0].error == "ValueError: no"


def test_changes_name_the_decisions_that_differ_from_the_parent() -> None:
    progress = fold(STUDY, proposed(0, depth=3, kind="plain"), proposed(1, (0,), depth=4, kind="plain", width=8))
    assert progress.changes(progress.trials[1]) == ["depth = 4", "width = 8"]
    assert progress.changes(progress.trials[0]) == []


def test_phases_start_and_finish() -> None:
    progress = fold(
        ("phase", {"name": "read", "state": "started"}), ("phase", {"name": "read", "state": "finished", "seconds": 1.5, "detail": "1,797 pictures"})
    )
    (phase,) = progress.phases
    assert (phase.name, phase.seconds, phase.detail) == ("read", 1.5, "1,797 pictures")
    assert progress.phase is None


def test_a_phase_that_only_ends_counts_too() -> None:
    progress = fold(("phase", {"name": "read", "state": "finished", "seconds": 2.0}))
    assert progress.phases[0].seconds == 2.0


def test_remaining_counts_down_the_budget_of_time() -> None:
    progress = fold(STUDY, budget_seconds=60.0)
    assert progress.remaining(progress.started + 45) == pytest.approx(15)
    assert progress.remaining(progress.started + 100) == 0


def test_remaining_is_forecast_from_the_trials_so_far() -> None:
    progress = fold(STUDY, proposed(0), finished(0, 0.5), proposed(1), finished(1, 0.5), budget_trials=10)
    assert progress.remaining(progress.started + 6) == pytest.approx(24)


def test_the_budget_of_the_log_is_taken_when_none_is_given() -> None:
    progress = fold(("opened", {"pid": 1, "host": "here", "budget": [90.0, 40]}))
    assert (progress.budget_seconds, progress.budget_trials) == (90.0, 40)


def test_time_of_earlier_openings_counts_without_the_pause_between() -> None:
    progress = Progress()
    start = progress.started - 1000
    for when, kind, data in (
        (0, "opened", {"budget": [None, 5]}),
        (30, "note", {"text": ""}),
        (400, "opened", {"budget": [None, 5]}),
        (420, "note", {"text": ""}),
    ):
        progress.apply(Event(kind, data, 0, start + when))
    assert progress.elapsed(progress.started + 5) == pytest.approx(55)


def test_unknown_kinds_of_events_are_passed_over() -> None:
    assert fold(("aurora", {"x": 1})).n_finished == 0
