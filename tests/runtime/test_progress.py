from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest

from archsmith.core.events import Event
from archsmith.core.trial import Outcome
from archsmith.runtime.progress import Progress


def events(*pairs: tuple[str, Mapping[str, Any]]) -> list[Event]:
    return [Event(kind, data, index, time.time()) for index, (kind, data) in enumerate(pairs)]


def proposed(
    trial: int, parents: tuple[int, ...] = (), fidelity: float = 1, **answers: Any
) -> tuple[str, dict[str, Any]]:
    return "proposed", {
        "trials": [{"id": trial, "architecture": answers, "fidelity": fidelity, "parents": list(parents), "notes": {}}]
    }


def finished(trial: int, accuracy: float | None) -> tuple[str, dict[str, Any]]:
    outcome = (
        Outcome.failure(ValueError("no")) if accuracy is None else Outcome.success({"accuracy": accuracy}, seconds=2.0)
    )
    return "finished", {"trial": trial, "outcome": outcome.to_dict()}


STUDY = ("study", {"problem": {"objectives": [["accuracy", True]]}})


def fold(*pairs: tuple[str, Mapping[str, Any]], **budget: Any) -> Progress:
    progress = Progress(**budget)
    for event in events(*pairs):
        progress.apply(event)
    return progress


def test_the_best_is_the_first_of_the_highest_scores() -> None:
    progress = fold(
        STUDY, *(row for i, score in enumerate((0.5, 0.9, 0.9, 0.7)) for row in (proposed(i), finished(i, score)))
    )
    assert progress.incumbent is not None
    assert (progress.incumbent.id, progress.score(progress.incumbent)) == (1, 0.9)
    assert progress.view.improved == {0, 1}


def test_a_metric_to_minimise_is_led_by_the_lowest() -> None:
    study = ("study", {"problem": {"objectives": [["accuracy", False]]}})
    progress = fold(study, proposed(0), finished(0, 0.5), proposed(1), finished(1, 0.2))
    assert progress.incumbent is not None and progress.incumbent.id == 1


def test_scores_of_different_fidelities_are_not_compared() -> None:
    progress = fold(STUDY, proposed(0, fidelity=1), finished(0, 0.9), proposed(1, fidelity=4), finished(1, 0.8))
    assert progress.incumbent is not None and progress.incumbent.id == 1


def test_failures_are_counted_and_never_lead() -> None:
    progress = fold(STUDY, proposed(0), finished(0, None))
    assert (progress.view.n_finished, progress.view.n_failed, progress.incumbent) == (1, 1, None)
    assert progress.error(progress.view.history.trials[0]) == "ValueError: no"


def test_changes_name_the_decisions_that_differ_from_the_parent() -> None:
    progress = fold(STUDY, proposed(0, depth=3, kind="plain"), proposed(1, (0,), depth=4, kind="plain", width=8))
    first, second = progress.view.history.trials
    assert progress.changes(second) == ["depth = 4", "width = 8"]
    assert progress.changes(first) == []


def test_phases_start_and_finish() -> None:
    progress = fold(
        ("phase", {"name": "read", "state": "started"}),
        ("phase", {"name": "read", "state": "finished", "seconds": 1.5, "detail": "1,797 pictures"}),
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


def test_time_of_a_table_is_not_measured_by_the_clock() -> None:
    table = ("study", {**STUDY[1], "simulated": True})
    opened = ("opened", {"pid": 1, "host": "here", "budget": [8.0, None]})
    progress = fold(table, opened, proposed(0), finished(0, 0.5))  # it claims 2 s
    assert progress.remaining(progress.started + 100) is None
    assert progress.fraction(progress.started + 100) == pytest.approx(0.25)


def test_remaining_is_forecast_from_the_trials_so_far() -> None:
    progress = fold(STUDY, proposed(0), finished(0, 0.5), proposed(1), finished(1, 0.5), budget_trials=10)
    assert progress.remaining(progress.started + 6) == pytest.approx(24)


@pytest.mark.parametrize("budget", [{"budget_trials": 10}, {"budget_seconds": 60.0}])
def test_nothing_remains_of_a_search_that_has_ended(budget: dict[str, Any]) -> None:
    opened = ("opened", {"pid": 1, "host": "here", "budget": [None, None]})
    ended = (STUDY, opened, proposed(0), finished(0, None), ("closed", {"reason": "failures", "seconds": 2.0}))
    assert fold(*ended, **budget).remaining() is None
    assert fold(*ended, opened, **budget).remaining() is not None


def test_nothing_remains_of_a_job_that_has_its_result() -> None:
    job = ("study", {**STUDY[1], "fit": {"settings": {}}})
    searched = (job, ("closed", {"reason": "settled", "seconds": 2.0}))
    assert fold(*searched, budget_seconds=60.0).remaining() is not None
    assert fold(*searched, ("result", {"metric": "accuracy", "rows": []}), budget_seconds=60.0).remaining() is None


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


def test_what_this_process_read_is_counted_once() -> None:
    progress = Progress()
    start = progress.started
    read = {"name": "read", "state": "finished", "seconds": 1.0}
    for when, kind, data in (
        (-1000, "opened", {}),
        (-999, "phase", {**read, "result": {"lead": 7.0}}),
        (-970, "note", {"text": ""}),
        (3, "opened", {}),
        (3, "phase", {**read, "result": {"lead": 10.0}}),
    ):
        progress.apply(Event(kind, data, 0, start + when))
    assert progress.elapsed(start + 5) == pytest.approx(30 + 7 + 5)


def test_unknown_kinds_of_events_are_passed_over() -> None:
    assert fold(("aurora", {"x": 1})).view.n_finished == 0


def test_what_a_killed_process_was_at_is_not_going_on() -> None:
    progress = Progress()
    for before, kind, data in (
        (90, "phase", {"name": "search", "state": "started"}),
        (80, "opened", {"budget": [60.0, None]}),
    ):
        progress.apply(Event(kind, data, 0, progress.started - before))
    assert progress.phases == []


# -- the main job ------------------------------------------------------------------------------------------------------


def after(
    *pairs: tuple[str, Mapping[str, Any]],
    budget_seconds: float | None = None,
    budget_trials: int | None = None,
    exact: bool = False,
) -> Progress:
    """The state when these events came, one a second."""
    progress, now = Progress(budget_seconds, budget_trials, started=1000.0, exact=exact), 1000.0
    for index, (kind, data) in enumerate(pairs):
        progress.apply(Event(kind, data, index, now))
        now += kind != "proposed"
    return progress


def begun(name: str, detail: str = "") -> tuple[str, dict[str, Any]]:
    return "phase", {"name": name, "state": "started", "detail": detail, "forecast_seconds": 30.0}


def epoch(network: str, at: float, **metrics: float) -> tuple[str, dict[str, Any]]:
    return "epoch", {"network": network, "epoch": at, "epochs": 9.0, "metrics": metrics}


def ended(name: str, **result: Any) -> tuple[str, dict[str, Any]]:
    return "phase", {"name": name, "state": "finished", "seconds": 3.0, "result": result}


JOB = ("study", {"problem": {"objectives": [["accuracy", True]]}, "forecast_trials": 24.0})
THREE = ("proposed", {"trials": [{"id": i, "architecture": {"x": i}} for i in range(3)]})
SEARCH = (
    JOB,
    begun("search", "evolution on conv_stages"),
    THREE,
    finished(0, 0.91),
    finished(1, None),
    finished(2, 0.955),
)


def test_the_state_in_one_sentence() -> None:
    assert after().line() == "reading and checking the data"
    assert after(*SEARCH[:2]).line() == "search: evolution on conv_stages"
    assert after(*SEARCH).line() == "search: 3 of about 24 trials, 1 failed, best accuracy 0.955 (trial 2)"
    result = (
        "result",
        {"metric": "accuracy", "valid": 0.97, "test": 0.96, "rows": [{"name": "fixed", "exported": True}]},
    )
    assert after(*SEARCH, result).line() == "done: hand-made network, accuracy valid 0.97, test 0.96"


@pytest.mark.parametrize(
    ("name", "result", "detail"),
    [
        (
            "search",
            {"reason": "seconds", "n_trials": 3, "best": 2},
            "3 trials, 1 failed, best accuracy 0.955 (trial 2)",
        ),
        (
            "train fixed",
            {"accuracy": 0.98, "balanced_accuracy": 0.97, "log_loss": 0.1, "epochs": 9.05, "seconds": 3.0},
            "accuracy 0.98, 9.05 epochs",
        ),
        ("train searched", {"error": "It diverged."}, "failed: It diverged."),
        ("choose", {"network": "fixed", "valid": 0.98}, "hand-made network, accuracy 0.98 on the validation split"),
        ("export", {"max_difference": 1.25e-7}, "the exported network predicts as the trained one does"),
        ("calibrate", {"temperature": 1.0}, "its probabilities stay as they are"),
        ("calibrate", {"temperature": 0.9928}, "its probabilities are sharpened a little to fit the validation split"),
        ("calibrate", {"temperature": 1.0382}, "its probabilities are softened a little to fit the validation split"),
        ("calibrate", {"temperature": 1.4}, "its probabilities are softened to fit the validation split"),
        ("calibrate", {"temperature": 0.25}, "its probabilities are sharpened to fit the validation split"),
        ("test", {"tests": {"fixed": {"accuracy": 0.9}}, "read": True, "exported": "fixed"}, "as said at its start"),
        ("read", {"lead": 5.6}, "as said at its start"),
    ],
)
def test_a_phase_ends_with_what_came_of_it(name: str, result: Mapping[str, Any], detail: str) -> None:
    progress = after(*SEARCH, begun(name, "as said at its start"), ended(name, **result))
    assert progress.text(progress.phases[-1]) == detail
    assert progress.phases[-1].failed == ("error" in result)


def test_a_search_that_ended_keeps_its_words_when_the_study_goes_on() -> None:
    pool = ("study", {"problem": {"objectives": [["accuracy", True]], "fidelity": ["work", 1.0, 100.0]}})
    trials = [row for i, value in enumerate((0.5, 0.9, 0.8)) for row in (proposed(i, x=i), finished(i, value))]
    run = [pool, begun("search"), *trials, ended("search", reason="seconds", n_trials=3, best=2)]
    before, after_more = fold(*run), fold(*run, begun("search"), proposed(3, x=3), finished(3, 0.95))
    words = before.text(before.view.phases.all[0])
    assert words == "3 trials, best accuracy 0.9 (trial 1)"
    assert after_more.text(after_more.view.phases.all[0]) == words


def test_reading_tells_how_far_it_is_until_it_ends() -> None:
    def reading(what: str, done: int, total: int) -> tuple[str, dict[str, Any]]:
        return "progress", {"what": what, "done": done, "total": total}

    read = begun("read", "pictures, checks")
    assert (
        after(read, reading("decode", 1200, 60000)).line()
        == "reading and checking the data: decoding pictures, 1,200 of 60,000"
    )
    later = after(read, ("note", {"text": "slow"}), reading("decode", 15000, 60000))
    assert later.line() == "reading and checking the data: decoding pictures, 15,000 of 60,000, about 0:06 left"
    waiting = after(read, reading("wait", 0, 0)).line()
    assert waiting.endswith(": waiting for another process that decodes the same pictures")
    over = after(read, reading("decode", 60000, 60000), ended("read"))
    assert over.line() == "reading and checking the data: pictures, checks"
    assert after(reading("decode", 1, 2)).phases == []


def test_between_two_measurements_the_last_score_stands() -> None:
    epochs = [
        epoch("fixed", 1.0, train_loss=0.9, learning_rate=0.1),
        epoch("fixed", 2.0, train_loss=0.8, accuracy=0.7),
        epoch("fixed", 3.0, train_loss=0.7),
    ]
    said = [after(JOB, begun("train fixed"), *epochs[:n]).line() for n in (1, 2, 3)]
    assert said == [
        "training the hand-made network: epoch 1",
        "training the hand-made network: epoch 2, accuracy 0.7",
        "training the hand-made network: epoch 3, accuracy 0.7",
    ]
    another = epoch("searched", 1.0, train_loss=0.5)
    line = after(JOB, begun("train fixed"), *epochs, begun("train searched"), another).line()
    assert line == "training the searched network: epoch 1"


def test_the_most_epochs_of_a_training_are_told_only_where_they_end_it() -> None:
    untimed, at = ("phase", {"name": "train fixed", "state": "started"}), epoch("fixed", 0.05, accuracy=0.7)
    assert after(JOB, untimed, at).line().endswith(": epoch 0.05 of at most 9, accuracy 0.7")
    assert after(JOB, begun("train fixed"), at).line().endswith(": epoch 0.05, accuracy 0.7")


def test_exact_terms_are_told_to_those_who_ask() -> None:
    search = ("phase", {"name": "search", "state": "started", "detail": "networks are tried", "exact": "graph_gp"})
    heat = (begun("calibrate"), ended("calibrate", temperature=0.25))
    loss = (begun("train fixed"), epoch("fixed", 1.0, train_loss=0.5))
    for exact, *said in (
        (
            False,
            "search: networks are tried",
            "are sharpened to fit the validation split",
            "training the hand-made network: epoch 1",
        ),
        (True, "search: graph_gp", "split (temperature 0.25)", "train fixed: epoch 1 of at most 9, train loss 0.5"),
    ):
        lines = [after(JOB, *events, exact=exact).line() for events in ((search,), heat, loss)]
        assert all(line.endswith(end) for line, end in zip(lines, said, strict=True))


def test_nobody_knows_how_long_a_job_without_a_clock_trains_after_its_trials() -> None:
    events = (("study", {**JOB[1], "forecast_trials": 3.0, "fit": {"settings": {}}}), *SEARCH[1:])
    searched = (*events, ("phase", {"name": "search", "state": "finished", "seconds": 9.0}))
    assert after(*events, budget_trials=6).remaining() is None
    assert after(*events, budget_trials=6).fraction() == pytest.approx(0.5)
    assert after(*searched, budget_trials=3).remaining() is None
    assert after(*searched, budget_trials=3).fraction() is None


def test_a_trial_says_whether_it_goes_on_or_was_made_from_another() -> None:
    trials = [{"id": 0, "architecture": {"x": 1}}, {"id": 1, "architecture": {"x": 1}, "parents": [0]}]
    changed = {"id": 2, "architecture": {"x": 2}, "parents": [1]}
    crossed = {"id": 3, "architecture": {"x": 3}, "parents": [2, 0]}
    progress = after(JOB, ("proposed", {"trials": [*trials, changed, crossed]}))
    told = [progress.from_where(trial) for trial in progress.view.history.trials]
    assert told == ["", "goes on from trial 0", "made from trial 1", "made from trials 2 and 0"]


def test_how_much_of_the_budget_is_spent() -> None:
    assert after().fraction() is None
    assert after(*SEARCH).fraction() == pytest.approx(3 / 24)
    assert after(*SEARCH, budget_seconds=16.0).fraction() == pytest.approx(0.25)
    assert after(*SEARCH, budget_seconds=2.0).fraction() == 1.0


def test_notes_are_kept_in_order() -> None:
    assert after(("note", {"text": "10 classes"}), ("note", {"text": "One thread."})).view.notes == [
        "10 classes",
        "One thread.",
    ]


def test_a_preparation_counts_epochs_only_where_it_says_how_many() -> None:
    own = after(JOB, ("preparing", {"step": 1500.0, "metrics": {}}))
    assert own.line().endswith("preparing, step 1,500")
    shared = after(JOB, ("preparing", {"step": 3.0, "metrics": {"epochs": 10.0}}))
    assert shared.line().endswith("preparing, epoch 3 of 10")


def test_of_one_that_was_asked_to_finish_nobody_knows_what_is_left() -> None:
    assert fold(STUDY, budget_seconds=60.0).remaining() is not None
    assert fold(STUDY, ("command", {"name": "stop"}), budget_seconds=60.0).remaining() is None
