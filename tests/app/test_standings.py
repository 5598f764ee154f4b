from __future__ import annotations

from typing import Any

from archsmith.app.entrants import entrants
from archsmith.app.standings import MOST_TRIALS, standings
from archsmith.core.job_records import FINISHED, PhaseRecord, ResultRecord
from archsmith.core.records import Closed

TRADE = {
    "objectives": [["accuracy", True], ["params", False]],
    "constraints": [],
    "fidelity": ["epochs", 1.0, 1.0],
}


def test_baselines_stand_among_the_networks_of_a_running_search(view_of: Any, tried: Any) -> None:
    linear = PhaseRecord("linear", FINISHED, seconds=1.0, result={"accuracy": 0.6})
    boosted = PhaseRecord("boosted", FINISHED, seconds=1.0, result={"accuracy": 0.4})
    board = standings(view_of(linear, boosted, tried(0, 0.5), tried(1, 0.7, x=2), writer=True))
    assert [(row.place, row.name) for row in board.rows] == [
        (1, "trial 1"),
        (2, "linear model"),
        (3, "trial 0"),
        (4, "gradient boosting"),
    ]
    assert [row.baseline for row in board.rows] == [False, True, False, True]
    assert not board.tested


def test_a_network_that_was_trained_in_full_is_one_row(view_of: Any, tried: Any) -> None:
    rows = (
        {"name": "searched", "valid": 0.8, "test": 0.75, "trial": 0, "exported": True, "seconds": 3.0},
        {"name": "linear", "valid": 0.8, "test": 0.7},
    )
    board = standings(view_of(tried(0, 0.5), tried(1, 0.7, x=2), ResultRecord("accuracy", rows=rows)))
    assert [row.name for row in board.rows] == ["searched network (trial 0)", "linear model", "trial 1"]
    assert (board.rows[0].exported, board.rows[0].trial, board.rows[0].test) == (True, 0, "75\xa0%")
    assert board.tested and board.lead


def test_a_network_has_one_number_in_all_lists(view_of: Any, tried: Any) -> None:
    further = tried(2, 0.7, fidelity=2.0, parents=(0,))
    rows = ({"name": "searched", "valid": 0.8, "trial": 2, "exported": True},)
    view = view_of(tried(0, 0.5), tried(1, 0.6, x=2), further, ResultRecord("accuracy", rows=rows))
    assert [row.name for row in standings(view).rows] == ["searched network (trial 0)", "trial 1"]
    assert [one.name for one in entrants(view).entrants] == ["trial 0", "trial 1"]


def test_a_network_of_the_search_is_no_baseline_while_nothing_is_chosen(view_of: Any, tried: Any) -> None:
    old = PhaseRecord("train searched", FINISHED, seconds=1.0, result={"accuracy": 0.8, "epochs": 2.0})
    assert [row.baseline for row in standings(view_of(tried(0, 0.5), old)).rows] == [False, False]
    new = PhaseRecord("train searched", FINISHED, seconds=1.0, result={"accuracy": 0.8, "epochs": 2.0, "trial": 0})
    (row,) = standings(view_of(tried(0, 0.5), new)).rows  # its trial is not told again
    assert (row.baseline, row.trial, row.name) == (False, 0, "searched network (trial 0)")


def test_a_row_never_leads_to_a_trial_that_there_is_not(view_of: Any) -> None:
    rows = ({"name": "searched", "valid": 0.8, "trial": 99, "exported": True},)
    assert standings(view_of(ResultRecord("accuracy", rows=rows))).rows[0].trial is None


def test_a_baseline_that_failed_comes_last_and_says_why(view_of: Any, tried: Any) -> None:
    failed = PhaseRecord("linear", FINISHED, seconds=1.0, result={"error": "No memory."})
    board = standings(view_of(failed, tried(0, 0.5)))
    assert (board.rows[-1].error, board.rows[-1].value, board.rows[-1].valid) == ("No memory.", None, "")


def test_very_many_networks_are_counted_and_not_listed(view_of: Any, tried: Any) -> None:
    board = standings(view_of(*(tried(i, 0.01 * i, x=i) for i in range(MOST_TRIALS + 7))))
    assert (len(board.rows), board.n_more) == (MOST_TRIALS, 7)


def test_of_several_objectives_the_front_comes_first(view_of: Any, tried: Any) -> None:
    tries = [(0.9, 9.0), (0.8, 10.0), (0.1, 1.0)]
    trials = [tried(i, score, x=i, metrics={"params": params}) for i, (score, params) in enumerate(tries)]
    board = standings(view_of(*trials, Closed("trials"), problem=TRADE, job=False))
    assert [row.trial for row in board.rows] == [0, 2, 1]
