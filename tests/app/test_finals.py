from __future__ import annotations

from typing import Any

import pytest

from archsmith.app.finals import CUT, LATER, NEXT, NOW, OVER, Fate, fates
from archsmith.core.job_records import FINISHED, PhaseRecord, ResultRecord

READY = PhaseRecord("ready", FINISHED, seconds=1.0, result={"trials": {"searched": 0, "tuned": None}})


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
    result = {"trial": 0, "accuracy": 0.9, "epochs": 7.0}
    view = view_of(tried(0, 0.5), READY, PhaseRecord("train searched", FINISHED, seconds=1.0, result=result))
    assert fates(view) == {0: Fate(OVER, "trained to its end", 0.9, 7.0)}


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"name": "earlier.1"}, "before the study went on"),
        ({"name": "unfinished", "stopped": True}, "as the search left it"),
        ({"name": "fixed", "stopped": True}, "as the search left it"),
        ({"name": "searched"}, "trained to its end and exported as the searched network"),
    ],
)
def test_what_is_exported_says_how_it_came_to_that(view_of: Any, tried: Any, row: dict[str, Any], why: str) -> None:
    told = fates(view_of(tried(0, 0.5), ResultRecord("accuracy", rows=({**row, "trial": 0, "exported": True},))))
    assert why in told[0].why and told[0].doing == "exported"


def test_what_was_left_as_it_was_has_no_end_of_its_own(view_of: Any, tried: Any) -> None:
    rows = [{"name": name, "trial": 0, "stopped": True} for name in ("fixed", "unfinished", "runner_up")]
    assert fates(view_of(tried(0, 0.5), ResultRecord("accuracy", rows=({"name": "earlier", "trial": 0}, *rows)))) == {}
