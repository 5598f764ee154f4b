from __future__ import annotations

from typing import Any

import pytest

from archsmith.app.study_charts import MOST_CURVES, MOST_DOTS, Mark, charts, lot
from archsmith.core.job_records import FINISHED, Epoch, PhaseRecord, ResultRecord
from archsmith.core.records import Finished, Opened, Proposed, ProposedTrial, Reported
from archsmith.core.trial import Outcome

SEARCHED = {"objectives": [["accuracy", True]], "constraints": [], "fidelity": ["epochs", 1.0, 9.0]}
TRADE = {**SEARCHED, "objectives": [["accuracy", True], ["price", False]]}


def sized(tried: Any, number: int, score: float, params: float, **more: Any) -> Any:
    return tried(number, score, x=number, metrics={"params": params, **more.pop("metrics", {})}, **more)


def test_trials_over_time_and_the_best_so_far(view_of: Any, tried: Any) -> None:
    view = view_of(tried(0, 0.5), tried(1, None, x=2), tried(2, 0.4, x=3), tried(3, 0.7, x=4))
    progress = charts(view).progress
    assert [(score, trial) for _, score, trial in progress.dots] == [(0.5, 0), (0.4, 2), (0.7, 3)]
    assert [trial for _, trial in progress.failed] == [1]
    assert [score for _, score in progress.best] == [0.5, 0.7]
    assert [seconds for seconds, *_ in progress.dots] == sorted(seconds for seconds, *_ in progress.dots)


def test_trials_with_less_of_the_fidelity_are_apart(view_of: Any, tried: Any) -> None:
    view = view_of(tried(0, 0.9), tried(1, 0.5, x=2, fidelity=9.0), problem=SEARCHED, job=False)
    progress = charts(view).progress
    assert [trial for *_, trial in progress.shorter] == [0]
    assert [score for _, score in progress.best] == [0.5]


def test_scores_against_sizes_with_their_front(view_of: Any, tried: Any) -> None:
    view = view_of(sized(tried, 0, 0.5, 10.0), sized(tried, 1, 0.9, 2000.0), sized(tried, 2, 0.4, 100.0))
    (scatter,) = charts(view).scatters
    assert (scatter.metric, scatter.log, scatter.more_is_better) == ("params", True, False)
    assert [trial for *_, trial in scatter.front] == [0, 1]


def test_of_a_pool_a_network_is_one_point(view_of: Any, tried: Any) -> None:
    again = tried(2, 0.8, x=0, fidelity=2.0, parents=(0,), metrics={"params": 10.0})
    view = view_of(sized(tried, 0, 0.5, 10.0), sized(tried, 1, 0.6, 20.0), again)
    (scatter,) = charts(view).scatters
    assert sorted(trial for *_, trial in scatter.dots) == [1, 2]


def test_baselines_stand_beside_them(view_of: Any, tried: Any) -> None:
    linear = PhaseRecord("linear", FINISHED, seconds=1.0, result={"accuracy": 0.6, "params": 5})
    (scatter,) = charts(view_of(linear, sized(tried, 0, 0.5, 10.0))).scatters
    assert scatter.trained == [Mark(letter="A", name="linear model", trial=None, at=5.0, score=0.6)]


def test_time_is_that_of_the_clock_of_the_study(view_of: Any, tried: Any) -> None:
    """Which began before the study was opened, and stands still between two openings."""
    read = PhaseRecord("read", FINISHED, seconds=4.0, result={"lead": 40.0})
    linear = PhaseRecord("linear", FINISHED, seconds=1.0, result={"accuracy": 0.6, "params": 5})
    view = view_of(read, linear, tried(0, 0.5))
    progress = charts(view).progress
    (dot,), (mark,) = progress.dots, progress.trained
    assert view.spent == dot[0] == 43.0
    assert (mark.at, mark.score, mark.name, mark.letter) == (42.0, 0.6, "linear model", "A")
    assert progress.since == "since the start"
    again = charts(view_of(read, tried(0, 0.5), Opened(2, "here", 60.0), tried(1, 0.6, x=2))).progress
    assert again.since == "since the start, without stops"


def test_a_mark_stays_where_its_training_ended_when_a_later_run_only_reads_it_again(view_of: Any, tried: Any) -> None:
    linear = PhaseRecord("linear", FINISHED, seconds=1.0, result={"accuracy": 0.6, "epochs": 0.0})
    begun = PhaseRecord("train fixed", FINISHED, seconds=1.0, result={"accuracy": 0.7, "epochs": 2.0})
    on = PhaseRecord("train fixed", FINISHED, seconds=1.0, result={"accuracy": 0.7, "epochs": 4.0})
    once = [linear, begun, tried(0, 0.5)]
    before = charts(view_of(*once)).progress.trained
    after = charts(view_of(*once, Opened(2, "here", 60.0), tried(1, 0.6, x=2), linear, on)).progress.trained
    assert [mark.at for mark in after][:1] == [mark.at for mark in before][:1]
    assert after[1].at > before[1].at  # it was trained on


def test_a_network_that_was_trained_on_is_one_point_with_its_latest_score(view_of: Any, tried: Any) -> None:
    rows = (
        {"name": "linear", "valid": 0.6, "params": 5},
        {"name": "searched", "trial": 1, "valid": 0.8, "params": 20.0, "exported": True},
        {"name": "unfinished", "trial": 1, "valid": 0.85, "params": 20.0},
    )
    trials = sized(tried, 0, 0.5, 10.0), sized(tried, 1, 0.7, 20.0)
    (scatter,) = charts(view_of(*trials, ResultRecord("accuracy", rows=rows))).scatters
    assert [trial for *_, trial in scatter.dots] == [0]
    assert [(mark.letter, mark.name, mark.score) for mark in scatter.trained] == [
        ("A", "linear model", 0.6),
        ("B", "searched network", 0.8),
    ]
    assert [(mark.name, mark.score) for mark in scatter.before] == [("best trial", 0.85), ("trial 1", 0.7)]
    assert scatter.front == [(10.0, 0.5, 0), (20.0, 0.8, 1)]


def test_a_network_whose_training_went_on_since_has_that_score(view_of: Any, tried: Any) -> None:
    rows = ({"name": "searched", "trial": 0, "valid": 0.8, "params": 10.0},)
    again = tried(1, 0.9, x=0, fidelity=2.0, parents=(0,), metrics={"params": 10.0})
    view = view_of(sized(tried, 0, 0.5, 10.0), ResultRecord("accuracy", rows=rows), again, sized(tried, 2, 0.3, 5.0))
    (scatter,) = charts(view).scatters
    assert [(score, trial) for _, score, trial in scatter.dots] == [(0.9, 1), (0.3, 2)]
    assert (scatter.trained, [mark.score for mark in scatter.before]) == ([], [0.8])


def test_two_objectives_are_drawn_against_each_other(view_of: Any, tried: Any) -> None:
    cheap = [tried(i, 0.1 * i, x=i, metrics={"price": float(i * i)}) for i in range(1, 5)]
    view = view_of(tried(0, 0.05, x=0, metrics={"price": 30.0}), *cheap, problem=TRADE, job=False)
    (scatter,) = charts(view).scatters
    assert (scatter.metric, [trial for *_, trial in scatter.front]) == ("price", [1, 2, 3, 4])


def test_a_knee_is_told_only_on_a_front_that_is_drawn(view_of: Any, tried: Any) -> None:
    """Of three objectives none is drawn."""
    three = {**TRADE, "objectives": [*TRADE["objectives"], ["macs", False]]}
    tries = [(0.9, 1000.0), (0.85, 100.0), (0.1, 50.0)]
    made = [tried(i, y, x=i, metrics={"price": x, "macs": x}) for i, (y, x) in enumerate(tries)]
    for problem, n, knee in ((TRADE, 3, 1), (three, 0, None)):
        view = view_of(*made, problem=problem, job=False)
        assert view.front is not None and view.front.knee is not None
        scatter = charts(view).scatters[0]
        assert (scatter.metric, len(scatter.front), scatter.knee) == ("price", n, knee)


def test_scores_stand_against_whatever_latency_was_measured(view_of: Any, tried: Any) -> None:
    measured = [tried(i, 0.5 + 0.1 * i, x=i, metrics={"latency_ms_phone": 1.0 + i}) for i in range(3)]
    assert [scatter.metric for scatter in charts(view_of(*measured)).scatters] == ["latency_ms_phone"]


def test_one_size_is_no_picture(view_of: Any, tried: Any) -> None:
    assert charts(view_of(sized(tried, 0, 0.5, 10.0), sized(tried, 1, 0.6, 10.0))).scatters == []


def test_a_few_hopeless_trials_do_not_set_the_axis(view_of: Any, tried: Any) -> None:
    scores = [0.9, 0.91, 0.92, 0.9, 0.91, 0.01]
    floor = charts(view_of(*(tried(i, score, x=i) for i, score in enumerate(scores)))).progress.floor
    assert floor is not None and 0.01 < floor < 0.9


def test_a_lower_score_alone_cuts_no_axis(view_of: Any, tried: Any) -> None:
    scores = [0.9345, 0.9956, 0.9869, 0.9956, 0.9956]
    progress = charts(view_of(*(tried(i, score, x=i) for i, score in enumerate(scores)))).progress
    assert progress.floor is None
    assert [score for _, score, _ in progress.dots] == scores


def test_curves_of_those_being_trained_come_first_then_the_best(view_of: Any, tried: Any) -> None:
    going = Proposed((ProposedTrial(20, {"x": 0}, 2.0, (0,)),))
    view = view_of(*(tried(i, 0.01 * i, x=i) for i in range(20)), going, writer=True)
    curves = charts(view).curves
    assert [curve.trial for curve in curves[:3]] == [0, 19, 18]
    assert [curve.going for curve in curves[:2]] == [True, False]
    assert len(curves) == MOST_CURVES


def test_a_final_training_has_a_curve(view_of: Any) -> None:
    epochs = [Epoch("searched", float(i), 9.0, {"accuracy": 0.1 * i}) for i in range(1, 4)]
    (curve,) = charts(view_of(PhaseRecord("train searched"), *epochs, writer=True)).curves
    assert (curve.trial, curve.going, len(curve.points)) == (None, True, 3)
    assert curve.name == "searched network, last training"


def test_curves_of_repeats_count_steps(view_of: Any) -> None:
    view = view_of(
        Proposed((ProposedTrial(0, {"x": 1}, 180.0),)),
        *(Reported(0, float(i), {"accuracy": 0.1 * i}) for i in range(1, 4)),
        Finished(0, Outcome.success({"accuracy": 0.3}, 1.0)),
        problem={**SEARCHED, "fidelity": ["points", 20.0, 180.0]},
        job=False,
    )
    found = charts(view)
    assert (found.unit, found.curves[0].points[-1]) == ("steps", (3.0, 0.3))


def test_a_study_without_trials_has_empty_charts(view_of: Any) -> None:
    found = charts(view_of())
    assert (found.progress.dots, found.scatters, found.curves) == ([], [], [])


# Which of very many trials are drawn


def test_few_are_all_drawn() -> None:
    assert lot(range(MOST_DOTS), set()) == set(range(MOST_DOTS))


@pytest.mark.parametrize("n", [1001, 5000, 60_000])
def test_of_many_about_as_many_as_may_are_drawn_evenly(n: int) -> None:
    drawn = lot(range(n), {3})
    assert 3 in drawn
    assert 0.4 * MOST_DOTS < len(drawn) <= 1.1 * MOST_DOTS
    early = sum(trial < n / 2 for trial in drawn)
    assert abs(early / len(drawn) - 0.5) < 0.05


def test_who_is_drawn_stays_drawn_until_half_make_room() -> None:
    assert lot(range(4000), set()) <= lot(range(2500), set()) | set(range(2500, 4000))
    assert lot(range(5000), set()) <= lot(range(3000), set()) | set(range(3000, 5000))


@pytest.mark.parametrize(("value", "share"), [(0.93, True), (1.0, True), (93.0, False)])
def test_an_accuracy_above_1_is_in_percent_already(view_of: Any, tried: Any, value: float, share: bool) -> None:
    assert charts(view_of(tried(0, 0.5), tried(1, value, x=2), problem=SEARCHED, job=False)).share is share


@pytest.mark.parametrize(
    ("ended", "writer", "goes"),
    [
        ((), True, True),
        ((), False, False),
        ((PhaseRecord("search", FINISHED, seconds=1.0, result={"reason": "seconds", "n_trials": 1}),), True, False),
    ],
)
def test_a_training_that_was_cut_off_is_not_going_on(
    view_of: Any, tried: Any, ended: Any, writer: bool, goes: bool
) -> None:
    begun = Proposed((ProposedTrial(1, {"x": 1}, 2.0, (0,)),))
    (curve,) = charts(view_of(tried(0, 0.5), begun, *ended, writer=writer)).curves
    assert curve.going is goes
