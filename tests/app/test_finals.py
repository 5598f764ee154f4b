from __future__ import annotations

from typing import Any

import pytest

from archsmith.app.finals import CUT, FAILED, LATER, NEXT, NOW, OVER, Fate, fates, searched
from archsmith.core.job_records import FINISHED, Extended, PhaseRecord, ResultRecord
from archsmith.core.records import Command, Opened

SEARCHED = PhaseRecord("search", FINISHED, seconds=1.0, result={"reason": "requested", "n_trials": 1})
READY = [
    Command("stop"),
    SEARCHED,
    PhaseRecord("ready", FINISHED, seconds=1.0, result={"trials": {"searched": 0, "tuned": None}}),
]
ENDED = PhaseRecord("train searched", FINISHED, seconds=1.0, result={"trial": 0, "accuracy": 0.9, "epochs": 7.0})


def test_before_the_search_is_over_nothing_is_known(view_of: Any, tried: Any) -> None:
    assert fates(view_of(tried(0, 0.5))) == {}


@pytest.mark.parametrize(("writer", "why"), [(True, NEXT), (False, LATER)])
def test_who_is_chosen_waits_for_the_last_training(view_of: Any, tried: Any, writer: bool, why: str) -> None:
    assert fates(view_of(tried(0, 0.5), READY, writer=writer)) == {0: Fate(why)}


@pytest.mark.parametrize(("writer", "why"), [(True, NOW), (False, CUT)])
def test_a_last_training_goes_on_or_was_cut(view_of: Any, tried: Any, writer: bool, why: str) -> None:
    view = view_of(tried(0, 0.5), READY, PhaseRecord("train searched", trial=0), writer=writer)
    assert fates(view)[0].why == why


def test_a_last_training_has_a_score_of_its_own(view_of: Any, tried: Any) -> None:
    view = view_of(tried(0, 0.5), READY, ENDED)
    assert fates(view) == {0: Fate(OVER, "had its last training", 0.9, 7.0)}


@pytest.mark.parametrize(
    ("chosen", "why"),
    [
        ("searched", "Its last training is over, and it is chosen to be exported."),
        ("fixed", "Its last training is over. The hand-made network is chosen to be exported."),
    ],
)
def test_what_is_chosen_is_told_before_it_is_exported(view_of: Any, tried: Any, chosen: str, why: str) -> None:
    chose = PhaseRecord("choose", FINISHED, seconds=1.0, result={"network": chosen})
    assert fates(view_of(tried(0, 0.5), READY, ENDED, chose, PhaseRecord("calibrate")))[0].why == why
    again = [ResultRecord("accuracy"), Opened(2, "here", 90.0), Extended({"seconds": 90.0}), *READY]
    assert fates(view_of(tried(0, 0.5), READY, ENDED, chose, *again))[0].why == OVER


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"name": "earlier.1"}, "before the study went on"),
        ({"name": "unfinished", "stopped": True}, "as the search left it"),
        ({"name": "fixed", "stopped": True}, "as the search left it"),
        ({"name": "searched"}, "had its last training and was exported as the searched network"),
        ({"name": "runner_up.1"}, "and was exported as another network of the search (2)."),
    ],
)
def test_what_is_exported_says_how_it_came_to_that(view_of: Any, tried: Any, row: dict[str, Any], why: str) -> None:
    told = fates(view_of(tried(0, 0.5), ResultRecord("accuracy", rows=({**row, "trial": 0, "exported": True},))))
    assert why in told[0].why and told[0].doing == "exported"


def test_what_was_left_as_it_was_has_no_end_of_its_own(view_of: Any, tried: Any) -> None:
    rows = [{"name": name, "trial": 0, "stopped": True} for name in ("fixed", "unfinished", "runner_up")]
    assert fates(view_of(tried(0, 0.5), ResultRecord("accuracy", rows=({"name": "earlier", "trial": 0}, *rows)))) == {}


@pytest.mark.parametrize(
    "more",
    [
        [ResultRecord("accuracy"), Opened(2, "here", 90.0), Extended({"seconds": 90.0})],
        [Command("pause"), Opened(2, "here", 60.0)],
        [Command("pause"), Opened(2, "here", 60.0), PhaseRecord("search"), Command("stop")],
    ],
    ids=["extended", "taken back", "asked again"],
)
def test_whoever_was_trained_races_again_when_the_search_goes_on(view_of: Any, tried: Any, more: list[Any]) -> None:
    view = view_of(tried(0, 0.5), READY, ENDED, *more, writer=True)
    assert not searched(view)
    assert fates(view) == {}


@pytest.mark.parametrize("end", [[], [ResultRecord("accuracy", rows=({"name": "linear", "exported": True},))]])
def test_a_last_training_that_failed_is_neither_next_nor_beaten(view_of: Any, tried: Any, end: list[Any]) -> None:
    failed = PhaseRecord("train searched", FINISHED, seconds=1.0, result={"error": "Out of memory."})
    view = view_of(tried(0, 0.5), READY, PhaseRecord("train searched", trial=0), failed, *end, writer=True)
    assert fates(view) == {0: Fate("Its last training failed: Out of memory.", FAILED)}


@pytest.mark.parametrize(
    ("valid", "why"), [(0.9, "one with the same score was exported"), (0.8, "another network was better")]
)
def test_of_equals_none_was_better(view_of: Any, tried: Any, valid: float, why: str) -> None:
    rows = {"name": "searched", "trial": 0, "valid": 0.9, "exported": True}, {"name": "fixed", "trial": 1}
    rows[1]["valid"] = valid
    told = fates(view_of(tried(0, 0.5), tried(1, 0.6, x=2), ResultRecord("accuracy", rows=rows)))
    assert why in told[1].why
