from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from archsmith.app.entrants import Entrant, entrants, title_of
from archsmith.app.groups import groups_of
from archsmith.core.events import Event
from archsmith.core.job_records import FINISHED, PhaseRecord, ResultRecord
from archsmith.core.records import Closed, Finished, Proposed, ProposedTrial, Reported
from archsmith.core.trial import Outcome
from archsmith.runtime.study_view import StudyView

POOLED = {"objectives": [["accuracy", True]], "constraints": [], "fidelity": ["work", 1.0, 9.0]}
SEARCHED = {"objectives": [["accuracy", True]], "constraints": [], "fidelity": ["epochs", 1.0, 9.0]}
LIMITED = {**SEARCHED, "constraints": [["params", 5.0]]}
TRADE = {**SEARCHED, "objectives": [["accuracy", True], ["params", False]]}
SEED = {"operator": "seed", "seed": 1}


def on(number: int, x: object = 1, fidelity: float = 2.0, parent: int = 0, **notes: Any) -> Proposed:
    decisions = x if isinstance(x, dict) else {"x": x}
    said = {"operator": "carry_on", **notes}
    return Proposed((ProposedTrial(number, decisions, fidelity, (parent,), said),))


def only(view: StudyView) -> Entrant:
    (found,) = entrants(view).entrants
    return found


def test_trials_of_one_architecture_are_one_network(view_of: Any, tried: Any) -> None:
    view = view_of(tried(0, 0.5), tried(1, 0.6, x=2), tried(2, 0.7, fidelity=2.0, parents=(0,)))
    found = {entrant.trial: entrant for entrant in entrants(view).entrants}
    assert sorted(found) == [1, 2]
    assert (found[2].trials, found[2].work, found[2].score) == ([0, 2], 2.0, 0.7)


def test_names_say_the_family_and_the_hand_made_network(view_of: Any, tried: Any) -> None:
    first = {"operator": "seed", "seed": 0}
    view = view_of(tried(0, 0.5, {"family": "stages"}, notes=first), tried(1, 0.6, {"family": "mlp"}, notes=SEED))
    assert {one.name for one in entrants(view).entrants} == {"0: hand-made network", "1: fully connected layers"}


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("trial 3", "Trial 3"),
        ("trial 0", "Trial 3, of the network of trial 0"),
        ("0: hand-made network", "Network 0: hand-made network (trial 3)"),
    ],
)
def test_a_title_has_the_numbers_of_network_and_trial(name: str, title: str) -> None:
    assert title_of(name, 3) == title


# How a network of a pool is doing


def test_who_is_being_trained(view_of: Any, tried: Any) -> None:
    new = only(view_of(Proposed((ProposedTrial(0, {"x": 1}, 1.0),)), writer=True))
    assert (new.state, new.why) == ("training", "It is new, and gets its first stretch of training.")
    further = only(view_of(tried(0, 0.5), on(1, forecast=0.1), writer=True))
    assert further.state == "training"
    assert "forecast to end at 90" in further.why
    assert further.forecast == pytest.approx(0.9)


def test_who_waits_while_the_race_goes_on(view_of: Any, tried: Any) -> None:
    view = view_of(tried(0, 0.5, epochs=2.0), tried(1, 0.6, x=2), writer=True)
    best, other = entrants(view).entrants
    assert (best.state, best.best, best.doing) == ("waiting", True, "waiting, best")
    assert other.state == "waiting"
    assert "50" in other.why and "2 epochs" in other.why


def test_nobody_is_stopped_while_the_race_can_go_on(view_of: Any, tried: Any) -> None:
    best, other = entrants(view_of(tried(0, 0.5, epochs=2.0), tried(1, 0.6, x=2))).entrants  # paused
    assert (best.state, other.state) == ("waiting", "waiting")
    assert "did not go on" not in other.why


def test_who_was_stopped_and_why(view_of: Any, tried: Any) -> None:
    view = view_of(
        tried(0, 0.5, epochs=2.0),
        tried(1, 0.6, x=2, epochs=2.0),
        on(2, forecast=0.3),
        Finished(2, Outcome.success({"accuracy": 0.55}, 1.0, {"epochs": 4.0})),
        on(3, x=2, parent=1, forecast=0.2),
        Finished(3, Outcome.success({"accuracy": 0.8}, 1.0, {"epochs": 4.0})),
        tried(4, 0.4, x=3, epochs=1.0),
        PhaseRecord("search", FINISHED, seconds=1.0, result={"n_trials": 5, "best": 3}),
    )
    best, carried, once = entrants(view).entrants
    assert (best.state, best.why) == ("stopped", "It has the best score of the trials so far.")
    assert carried.state == "stopped"
    assert carried.why.startswith("It went on 1\xa0time and reached 55\xa0% after 4 epochs; then the search did not")
    assert (
        "When it last went on, it was forecast to end at 70" in carried.why
        and "the most promising network at 80" in carried.why
    )
    assert once.state == "stopped"
    assert once.why == "After its first stretch of training (40\xa0% after 1 epoch) the search did not go on with it."


def test_what_became_of_it_in_the_end(view_of: Any, tried: Any) -> None:
    rows = ({"name": "searched", "trial": 1, "exported": True}, {"name": "runner_up", "trial": 0})
    view = view_of(tried(0, 0.5), tried(1, 0.6, x=2), ResultRecord("accuracy", rows=rows))
    exported, other = entrants(view).entrants
    assert exported.state == other.state == "chosen"
    assert "exported as the searched network" in exported.why
    assert "another network was better" in other.why


def test_the_score_of_the_end_stands_where_the_end_is_told(view_of: Any, tried: Any) -> None:
    rows = (
        {"name": "searched", "trial": 1, "exported": True, "valid": 0.8, "epochs": 9.0},
        {"name": "runner_up", "trial": 0, "valid": 0.7, "epochs": 55.7},
    )
    trials = tried(0, 0.9, epochs=5.2), tried(1, 0.6, x=2, epochs=3.0)
    exported, other = entrants(view_of(*trials, ResultRecord("accuracy", rows=rows))).entrants
    assert (exported.trial, exported.doing, exported.score_words) == (1, "exported", "80\xa0%")
    assert (other.doing, other.score_words, other.learnt) == ("had its last training", "70\xa0%", "55.7 epochs")


def test_of_equals_none_is_the_best_alone_and_none_ends_ahead_of_all_that_there_is(view_of: Any, tried: Any) -> None:
    rows = ({"name": "linear", "exported": True}, {"name": "searched", "trial": 2, "valid": 0.5})
    trials = tried(0, 1.0, epochs=2.0), tried(1, 1.0, x=2, epochs=2.0), tried(2, 0.5, x=3)
    first = entrants(view_of(*trials, ResultRecord("accuracy", rows=rows))).entrants[0]
    best = "It has the best score of the trials, as others have."
    assert first.why == f"{best} Another network was chosen for the last training."


def test_who_is_best_but_was_scored_once_is_not_said_to_have_a_worse_forecast(view_of: Any, tried: Any) -> None:
    trials = tried(0, 0.5), tried(1, 0.6, fidelity=2.0, parents=(0,)), tried(2, 0.9, x=2)
    chosen = ResultRecord("accuracy", rows=({"name": "searched", "trial": 1, "valid": 0.7, "exported": True},))
    newcomer = next(one for one in entrants(view_of(*trials, chosen)).entrants if one.trial == 2)
    best = "It has the best score of the trials."
    assert newcomer.why == f"{best} Another network was chosen for the last training."


def test_who_failed_later_is_not_said_to_make_way_for_others(view_of: Any, tried: Any) -> None:
    trials = tried(0, 0.6), tried(1, 0.5, x=2), tried(2, None, fidelity=2.0, parents=(0,))
    chosen = ResultRecord("accuracy", rows=({"name": "searched", "trial": 1, "exported": True},))
    for view in (view_of(*trials, writer=True), view_of(*trials, chosen)):
        failed = next(one for one in entrants(view).entrants if one.trials == [0, 2])
        assert (failed.doing, failed.score) == ("stopped, best", 0.6)
        assert failed.why == "Its next trial failed. Not enough memory: Out of memory."


@pytest.mark.parametrize(("job", "problem"), [(True, POOLED), (False, SEARCHED)])
def test_who_was_cut_off_later_is_not_said_to_make_way_for_others(
    view_of: Any, tried: Any, job: bool, problem: dict[str, Any]
) -> None:
    trials = tried(0, 0.6), on(1)
    paused = only(view_of(*trials, problem=problem, job=job))
    assert (paused.state, paused.why) == ("waiting", "It was cut off; it runs again when the study goes on.")
    over = PhaseRecord("search", FINISHED, seconds=1.0, result={"n_trials": 1}) if job else Closed("seconds")
    ended = only(view_of(*trials, over, problem=problem, job=job))
    assert (ended.state, ended.why) == ("stopped", "The search ended while its next trial ran.")


def test_without_a_race_nobody_promises_anything(view_of: Any, tried: Any) -> None:
    view = view_of(tried(0, 0.5, epochs=2.0), tried(1, 0.6, x=2), writer=True, strategy="asha")
    assert [one.why for one in entrants(view).entrants] == [
        "It has the best score so far.",
        "It reached 50\xa0% after 2 epochs.",
    ]


def test_who_had_all_training_of_the_search_waits_for_nothing(view_of: Any, tried: Any) -> None:
    most = {"type": "training", "args": {"most_epochs": 119.9}}
    trials = [tried(0, 0.9, fidelity=100.0), *(tried(i, 0.9 - i / 10, x=i + 1) for i in (1, 2))]
    for trial, learnt in zip(trials[1:], (119.8, 119.6), strict=True):
        notes = {"epochs": learnt, "steps": 5 * learnt}
        trial[1] = replace(trial[1], outcome=replace(trial[1].outcome, notes=notes))
    view = view_of(*trials)
    for evaluator, had in (({}, [0]), (most, [0, 1])):
        view.began = replace(view.began, evaluator=evaluator)
        found = entrants(view).entrants
        said = " It has had all the training that the search gives."
        assert [one.trial for one in found if one.why.endswith(said)] == had
        assert [one.trial for one in found if one.why.endswith("promise more for the time go first.")] == [
            i for i in range(3) if i not in had
        ]
    assert found[0].why == f"It has the best score so far.{said}"


@pytest.mark.parametrize(
    ("end", "doing", "why"),
    [
        ({}, "waiting, best in trial 0", "is the best of all trials (90\xa0%). It goes on when no other network"),
        ({"name": "linear", "exported": True}, "stopped, best in trial 0", "(90\xa0%); after more training it scores"),
        ({"name": "searched", "trial": 2, "valid": 0.8, "exported": True}, "exported", "was the best of all trials"),
    ],
)
def test_a_network_that_got_worse_does_not_pass_for_the_best(
    view_of: Any, tried: Any, end: dict[str, Any], doing: str, why: str
) -> None:
    trials = (
        tried(0, 0.9),
        tried(1, 0.85, x=2),
        on(2, forecast=0.05),
        Finished(2, Outcome.success({"accuracy": 0.7}, 1.0, {"epochs": 4.0})),
    )
    view = view_of(*trials, *([ResultRecord("accuracy", rows=(end,))] if end else []), writer=not end)
    found = entrants(view).entrants
    fallen = next(one for one in found if one.trials == [0, 2])
    assert view.best is not None and view.best.id == 0 and fallen.best
    assert (fallen.score, fallen.doing) == (end.get("valid", 0.7), doing)
    assert "Its trial 0" in fallen.why and why in fallen.why and "the best score" not in fallen.why
    scores = [one.score or 0.0 for one in found]
    assert scores == sorted(scores, reverse=True)


def test_the_best_trial_is_named_where_its_network_ended_lower(view_of: Any, tried: Any) -> None:
    rows = ({"name": "searched", "trial": 0, "valid": 0.8, "exported": True},)
    (found,) = entrants(view_of(tried(0, 0.9), ResultRecord("accuracy", rows=rows))).entrants
    assert found.score == 0.8 and found.why.endswith(" Its trial 0 was the best of all trials (90\xa0%).")


def test_a_forecast_below_what_is_reached_is_not_told(view_of: Any, tried: Any) -> None:
    further = only(view_of(tried(0, 1.0), on(1, forecast=0.01), writer=True))
    assert further.why == "It promised most for the time."
    view = view_of(
        tried(0, 1.0),
        tried(1, 0.9, x=2),
        on(2, x=2, parent=1, forecast=0.2),
        Finished(2, Outcome.success({"accuracy": 0.95}, 1.0)),
    )
    assert "forecast" not in entrants(view).entrants[1].why


def test_who_failed_says_why(view_of: Any, tried: Any) -> None:
    failed = only(view_of(tried(0, None)))
    assert (failed.state, failed.why) == ("failed", "Not enough memory: Out of memory.")
    assert (failed.score, failed.score_words) == (None, "–")


def test_what_was_cut_off_waits(view_of: Any) -> None:
    cut = only(view_of(Proposed((ProposedTrial(0, {"x": 1}, 1.0),))))
    assert (cut.state, cut.why) == ("waiting", "It was cut off; it runs again when the study goes on.")


def test_a_first_training_that_the_end_of_the_search_cut_off_waits_for_nothing(view_of: Any, tried: Any) -> None:
    over = PhaseRecord("search", FINISHED, seconds=1.0, result={"n_trials": 1, "best": 0})
    cut = Proposed((ProposedTrial(1, {"x": 2}, 1.0),))
    last = PhaseRecord("train searched", trial=0)
    chosen, other = entrants(view_of(tried(0, 0.5), cut, over, last, writer=True)).entrants
    assert (chosen.state, chosen.why) == ("chosen", "This is its last training.")
    assert other.state == "stopped" and "The search ended" in other.why
    assert (other.learnt, other.epochs) == ("", None)


def test_how_long_a_network_was_trained_is_told_of_what_was_trained(view_of: Any) -> None:
    begun = Proposed((ProposedTrial(0, {"x": 1}, 2.0),))
    assert only(view_of(begun, problem=SEARCHED, job=False)).learnt == ""
    said = Reported(0, 1.0, {"accuracy": 0.5})
    assert only(view_of(begun, said, problem=SEARCHED, job=False, writer=True)).learnt == "1 epoch so far"


@pytest.mark.parametrize(
    ("fidelity", "evaluator", "learnt"),
    [
        (["epochs", 1.0, 1.0], None, ""),  # as it is unless somebody says otherwise
        (["epochs", 0.75, 3.0], {"type": "shared_weights", "args": {}}, ""),
        (["epochs", 0.75, 3.0], None, "3 epochs"),
        (["points", 20.0, 180.0], None, "180 points"),
    ],
)
def test_what_nobody_trained_was_not_trained_for_an_epoch(
    view_of: Any, tried: Any, fidelity: list[Any], evaluator: Any, learnt: str
) -> None:
    view = view_of(tried(0, 0.5, fidelity=fidelity[2]), problem={**SEARCHED, "fidelity": fidelity}, job=False)
    view.began = replace(view.began, evaluator=evaluator)
    assert only(view).learnt == learnt


# Of a search alone


def test_accuracies_of_a_study_are_all_shares_or_all_in_percent(view_of: Any, tried: Any) -> None:
    view = view_of(tried(0, 93.0), tried(1, 1.0, x=2), tried(2, 0.5, x=3), problem=SEARCHED, job=False)
    assert [one.score_words for one in entrants(view).entrants] == ["93", "1", "0.5000"]


def test_a_limit_that_is_broken_is_named(view_of: Any, tried: Any) -> None:
    found = only(view_of(tried(0, 0.5, metrics={"params": 9.0}), problem=LIMITED, job=False))
    assert found.state == "outside"
    assert "9 breaks" in found.why


def test_who_got_no_further_than_a_lower_fidelity(view_of: Any, tried: Any) -> None:
    view = view_of(tried(0, 0.9), tried(1, 0.5, x=2, fidelity=9.0), Closed("trials"), problem=SEARCHED, job=False)
    best, other = entrants(view).entrants
    assert (best.trial, best.why) == (1, "It is the best.")
    assert (other.state, other.why) == ("stopped", "It was not among those that got more than 1 epoch.")


def test_the_front_is_told(view_of: Any, tried: Any) -> None:
    view = view_of(
        tried(0, 0.9, metrics={"params": 9.0}), tried(1, 0.5, x=2, metrics={"params": 10.0}), problem=TRADE, job=False
    )
    front, other = entrants(view).entrants
    assert (front.doing, front.score_words) == ("done, on the front", "90\xa0%, parameters 9")
    assert (other.doing, other.why) == ("done", "")


# Pages and orders


def test_pages_and_orders(view_of: Any, tried: Any) -> None:
    view = view_of(*(tried(i, 0.1 * i, x=i) for i in range(5)))
    assert [one.trial for one in entrants(view, 1, 2).entrants] == [3, 2]
    assert [one.trial for one in entrants(view, 0, 2, "newest").entrants] == [4, 3]
    assert entrants(view, 9, 2).entrants == []
    assert entrants(view, 9, 2).total == 5
    further = view_of(tried(0, 0.9), tried(1, 0.1, x=2, fidelity=4.0))
    assert [one.trial for one in entrants(further, order="work").entrants] == [1, 0]


def test_a_study_without_trials_has_no_networks(view_of: Any) -> None:
    assert groups_of(view_of()) == ()
    assert entrants(view_of()).total == 0


def test_networks_are_told_as_they_are_now(view_of: Any, tried: Any) -> None:
    view = view_of(Proposed((ProposedTrial(0, {"x": 1}, 1.0),)), writer=True)
    assert only(view).state == "training"
    ended = Finished(0, Outcome.success({"accuracy": 0.5}, 1.0))
    view.apply(Event(ended.kind, ended.to_data(), 9, 2000.0))
    assert (only(view).state, only(view).score) == ("waiting", 0.5)
