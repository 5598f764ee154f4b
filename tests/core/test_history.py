import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.errors import StudyError, UsageError
from archsmith.core.events import Event
from archsmith.core.history import History
from archsmith.core.problem import Constraint, Fidelity, Objective, Problem
from archsmith.core.trial import Outcome
from archsmith.testing.toys import Flat


def proposed(first, *answers, fidelity=1.0):
    rows = [
        {"id": first + i, "architecture": {"x": a}, "fidelity": fidelity, "parents": [], "notes": {}}
        for i, a in enumerate(answers)
    ]
    return Event("proposed", {"trials": rows})


def finished(trial, **metrics):
    return Event("finished", {"trial": trial, "outcome": Outcome.success(metrics).to_dict()})


def failed(trial):
    return Event("finished", {"trial": trial, "outcome": Outcome.failure(ValueError("no")).to_dict()})


def history(*events, problem=None):
    result = History(problem or Problem(Flat()))
    for event in events:
        result.apply(event)
    return result


def test_pending_and_finished_follow_the_events():
    h = history(proposed(0, 1, 2, 3), finished(2, accuracy=0.5), failed(0))
    assert [t.id for t in h.finished] == [2, 0] and list(h.pending) == [1]
    assert h.n_asks == 1 and len(h) == 3
    assert h.best().id == 2


def test_best_never_compares_across_fidelities():
    h = history(proposed(0, 1), proposed(1, 2, fidelity=4.0), finished(0, accuracy=0.99), finished(1, accuracy=0.5))
    assert h.best().id == 1 and h.best(1.0).id == 0 and h.best(2.0) is None


def test_the_earliest_of_equals_is_best():
    h = history(proposed(0, 1, 2), finished(1, accuracy=0.7), finished(0, accuracy=0.7))
    assert h.best().id == 1
    assert [t.id for t in h.ranking()] == [0, 1]


def test_a_strategy_without_a_seed_has_that_of_the_study():
    h = history(Event("study", {"seed": 7}))
    assert h.seed == h.seed_of(None) == 7 and h.seed_of(0) == 0
    assert history().seed_of(None) == 0  # of a study that did not say


def test_infeasible_and_failed_trials_are_not_ranked():
    problem = Problem(Flat(), (Objective("accuracy"),), (Constraint("params", upper=10),))
    h = history(
        proposed(0, 1, 2, 3),
        finished(0, accuracy=0.9, params=99),
        finished(1, accuracy=0.5, params=1),
        failed(2),
        problem=problem,
    )
    assert [t.id for t in h.ranking()] == [1] and h.best().id == 1


def test_front_of_two_objectives():
    problem = Problem(Flat(), (Objective("accuracy"), Objective("ms", maximize=False)))
    scores = [(0.9, 5), (0.8, 1), (0.7, 3), (0.95, 9)]
    h = history(
        proposed(0, 1, 2, 3, 4), *[finished(i, accuracy=a, ms=ms) for i, (a, ms) in enumerate(scores)], problem=problem
    )
    assert {t.id for t in h.front()} == {0, 1, 3}


SEVERAL = Problem(
    Flat(), (Objective("accuracy"), Objective("params")), (Constraint("params", upper=10),), Fidelity("epochs", 1, 4)
)


def test_only_trials_that_count_are_on_the_front():
    h = history(
        proposed(0, 1, 2, 3, fidelity=1.0),
        proposed(3, 4, 5, 6, 7, fidelity=4.0),
        finished(0, accuracy=0.99, params=1),  # at a lower fidelity
        failed(1),
        finished(3, accuracy=0.5, params=5),
        finished(4, accuracy=0.9, params=11),  # beyond the limit
        finished(5, accuracy=0.6, params=9),
        problem=SEVERAL,
    )
    assert [t.id for t in h.front()] == [5, 3]
    assert [t.id for t in h.front(1.0)] == [0] and not h.front(2.0)


def test_a_trial_with_an_equal_first_objective_can_beat_an_earlier_one():
    h = history(
        proposed(0, 1, 2, fidelity=4.0),
        finished(0, accuracy=0.5, params=5),
        finished(1, accuracy=0.5, params=4),
        problem=SEVERAL,
    )
    assert [t.id for t in h.front()] == [1]


def test_with_several_objectives_a_new_point_of_the_front_is_an_improvement():
    h, improved = history(proposed(0, 1, 2, 3, 4, fidelity=4.0), problem=SEVERAL), []
    for i, (accuracy, params) in enumerate([(0.5, 5), (0.4, 4), (0.4, 4), (0.3, 6)]):
        h.apply(finished(i, accuracy=accuracy, params=params))
        improved.append(h.improved_by(h.trials[i]))
    assert improved == [True, True, False, False]  # the third is no news, the fourth is worse
    assert [t.id for t in h.front()] == [0, 1, 2]


def test_the_knee_stands_for_the_result_where_there_is_one():
    points = [(0.9, 10), (0.8, 3), (0.1, 2)]
    rows = [finished(i, accuracy=a, params=p) for i, (a, p) in enumerate(points)]
    h = history(proposed(0, 1, 2, 3, fidelity=4.0), *rows[:2], problem=SEVERAL)
    assert h.representative().id == h.best().id == 0
    h.apply(rows[2])
    assert (h.representative().id, h.best().id) == (1, 0)
    assert history(proposed(0, 1), finished(0, accuracy=0.5)).representative().id == 0
    assert history().representative() is None


def test_with_one_objective_the_front_is_the_best_and_its_equals():
    h = history(proposed(0, 1, 2, 3), *[finished(i, accuracy=a) for i, a in enumerate((0.7, 0.5, 0.7))])
    assert [t.id for t in h.front()] == [0, 2] and h.front().knee is None and h.front().hypervolume is None


def test_seen_and_of_look_at_content():
    h = history(proposed(0, 1), proposed(1, 1, fidelity=2.0))
    assert h.seen(Architecture({"x": 1})) and not h.seen(Architecture({"x": True}))
    assert [t.id for t in h.of(Architecture({"x": 1}))] == [0, 1]


def test_seen_and_of_take_decisions_and_refuse_what_is_none():
    history = History(Problem(Flat()))
    history.apply(Event("proposed", {"trials": [{"id": 0, "architecture": {"x0": 1}}]}))
    assert history.seen({"x0": 1}) and history.of({"x0": 1}) == list(history.trials)
    for ask in (history.seen, history.of):
        with pytest.raises(UsageError, match=r"An architecture cannot be 'a'\. Give one such as space\.sample"):
            ask("a")


def test_a_log_with_a_gap_is_refused():
    with pytest.raises(StudyError, match="trial 5 follows trial -1"):
        history(proposed(5, 1))


@pytest.mark.parametrize(
    "event",
    [
        Event("finished", {"trial": 0}),
        Event("finished", {"trial": 7, "outcome": {"status": "ok"}}),
        Event("finished", {"trial": 0, "outcome": {"status": "ok", "metrics": {"other": 1.0}}}),
        Event("reported", {"trial": 0, "step": 1.0, "metrics": 3}),
        Event("proposed", {"trials": [{"id": 1, "architecture": {"x": [1]}}]}),
    ],
)
def test_a_damaged_event_is_told_by_its_number(event):
    with pytest.raises(StudyError, match=f"Event 4 of the study .{event.kind}. is damaged"):
        history(proposed(0, 1), Event(event.kind, event.data, 4))


def test_kinds_that_nobody_knows_are_passed_over():
    assert len(history(Event("aurora", {"trials": 3}))) == 0


def test_a_repeated_attempt_replaces_the_reports_of_a_killed_one():
    def reported(step, accuracy):
        return Event("reported", {"trial": 0, "step": step, "metrics": {"accuracy": accuracy}})

    h = history(proposed(0, 1), reported(1, 0.1), reported(2, 0.2), reported(1, 0.3), reported(2, 0.4))
    assert [(step, m["accuracy"]) for step, m in h.trials[0].curve] == [(1, 0.3), (2, 0.4)]
