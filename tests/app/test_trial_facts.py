from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from archsmith.app.trial_facts import trial_facts, trial_of, trials
from archsmith.core.errors import StudyError
from archsmith.core.job_records import Note
from archsmith.core.records import Finished, Proposed, ProposedTrial
from archsmith.core.trial import Outcome


def test_a_page_of_trials_in_three_orders(view_of: Any, tried: Any) -> None:
    view = view_of(tried(0, 0.5), tried(1, None, x=2), tried(2, 0.7, x=3))
    assert [row.trial for row in trials(view, 1, 2).trials] == [1, 2]
    assert [row.trial for row in trials(view, 0, 2, "newest").trials] == [2, 1]
    assert [row.trial for row in trials(view, 0, 3, "score").trials] == [2, 0, 1]
    assert trials(view, 5, 2).trials == []


def test_a_row_says_what_came_of_it(view_of: Any, tried: Any) -> None:
    good, bad = trials(view_of(tried(0, 0.5, parents=()), tried(1, None, x=2))).trials
    assert (good.status, good.metrics, good.improved, good.error) == ("ok", {"accuracy": 0.5}, True, None)
    assert (bad.status, bad.metrics, bad.error) == ("failed", {}, "Out of memory.")


def test_one_trial_with_its_network_and_its_decisions(view_of: Any, tried: Any) -> None:
    made = {"operator": "mutate"}
    view = view_of(tried(0, 0.5), tried(1, 0.6, {"depth": 2, "wide": True, "name": "a\x1b"}, parents=(0,), notes=made))
    found = trial_facts(view, 1)
    assert found.trial.made == "Made from trial 0 by changing decisions"
    assert found.entrant.trial == 1
    assert found.decisions == [("depth", "2"), ("wide", "yes"), ("name", "a\\x1b")]


@pytest.mark.parametrize("number", [-1, 1, 10**9])
def test_a_trial_that_there_is_not(view_of: Any, tried: Any, number: int) -> None:
    with pytest.raises(StudyError, match=f"no trial {number}"):
        trial_of(view_of(tried(0, 0.5)), number)


def test_trials_of_a_table_end_when_they_claim(view_of: Any, tried: Any) -> None:
    view = view_of(Note("It begins."), tried(0, 0.5), Note("Half."), tried(1, 0.6, x=2), job=False)
    view.began = replace(view.began, simulated=True)
    assert [row.finished_seconds for row in trials(view).trials] == [1.0, 2.0]
    assert trial_facts(view, 1).trial.finished_seconds == 2.0


def test_where_a_trial_comes_from_is_told_as_in_the_report(view_of: Any, tried: Any) -> None:
    further = Proposed((ProposedTrial(1, {"x": 1}, 2.0, (0,), {"operator": "carry_on"}),))
    lost = Finished(1, Outcome.success({"accuracy": 0.6}, 1.0, {"parent_lost": True}))
    found = trial_facts(view_of(tried(0, 0.5), further, lost), 1)
    assert found.origin == "begins anew, without what trial 0 had learnt"
    assert found.trial.made == "Begins anew, without what trial 0 had learnt"
