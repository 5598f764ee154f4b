from __future__ import annotations

from typing import Any

import pytest

from archsmith.app.groups import field_of, groups_of, ordered
from archsmith.core.job_records import FINISHED, Extended, PhaseRecord, ResultRecord
from archsmith.core.records import Opened

CHOSEN = PhaseRecord("choose", FINISHED, seconds=1.0, result={"network": "fixed", "valid": 0.5})


def test_trials_of_one_architecture_are_one_group(view_of: Any, tried: Any) -> None:
    groups = groups_of(view_of(tried(0, 0.5), tried(1, 0.6, x=2), tried(2, 0.7, fidelity=2.0, parents=(0,))))
    assert [[trial.id for trial in group.trials] for group in groups] == [[0, 2], [1]]
    assert groups[0].latest.id == 2 and groups[0].pending is None


def test_what_failed_with_more_work_comes_behind_the_latest_score(view_of: Any, tried: Any) -> None:
    more, again = (tried(1, None, fidelity=fidelity, parents=(0,)) for fidelity in (2.0, 1.0))
    for later, further in ((more, 1), (again, None)):
        (group,) = groups_of(view_of(tried(0, 0.5), later))
        assert group.latest.id == 0 and (group.further and group.further.id) == further


def test_the_order_is_that_of_the_scores_at_the_end(view_of: Any, tried: Any) -> None:
    rows = ({"name": "searched", "trial": 0, "valid": 0.4, "exported": True},)
    view = view_of(tried(0, 0.9), tried(1, 0.6, x=2), ResultRecord("accuracy", rows=rows))
    assert [group.trials[0].id for group in ordered(view, groups_of(view))] == [1, 0]


@pytest.mark.parametrize(
    ("phases", "searching", "final"),
    [
        ((), True, False),
        ((PhaseRecord("search"),), True, False),
        ((PhaseRecord("linear"),), False, False),
        ((PhaseRecord("search", FINISHED, seconds=1.0), PhaseRecord("ready")), False, True),
        ((CHOSEN, ResultRecord("accuracy"), Opened(2, "here", 90.0), Extended(), PhaseRecord("search")), True, False),
    ],
)
def test_trials_run_as_long_as_the_search_does(view_of: Any, phases: Any, searching: bool, final: bool) -> None:
    field = field_of(view_of(*phases, writer=True))
    assert (field.searching, field.final) == (searching, final)


def test_how_many_are_best_is_counted(view_of: Any, tried: Any) -> None:
    field = field_of(view_of(tried(0, 1.0), tried(1, 1.0, x=2), tried(2, 0.5, x=3)))
    assert field.alike == 2
    assert field.beats(0.9, 0.5) and not field.beats(0.5, 0.5) and field.beats(0.1, None)
