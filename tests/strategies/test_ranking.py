"""What breaks a constraint loses to what does not; failures lose to everything."""

from __future__ import annotations

import pytest

from archsmith.core.errors import UsageError
from archsmith.core.problem import Constraint, Objective, Problem
from archsmith.core.trial import Outcome, Proposal, Trial
from archsmith.strategies.ranking import WORST, ranking_key
from archsmith.testing.strategy_laws import Rehearsal
from archsmith.testing.toys import Flat

PROBLEM = Problem(
    Flat(), (Objective("accuracy"),), (Constraint("params", upper=100.0), Constraint("recall", lower=0.5))
)


def finished(accuracy: float, params: float, recall: float = 1.0) -> Trial:
    rehearsal = Rehearsal(PROBLEM)
    (trial,) = rehearsal.propose([Proposal(Flat().first())])
    outcome = Outcome.success({"accuracy": accuracy, "params": params, "recall": recall})
    rehearsal.log("finished", {"trial": trial.id, "outcome": outcome.to_dict()})
    return trial


def test_feasible_before_infeasible_before_failed() -> None:
    good, poor = finished(0.9, 50), finished(0.1, 50)
    near, far = finished(0.99, 110), finished(0.999, 200)
    ranked = [ranking_key(trial, PROBLEM) for trial in (good, poor, near, far)]
    assert ranked == sorted(ranked)
    assert max(ranked) < WORST


def test_violations_count_relative_to_their_bounds_and_add_up() -> None:
    assert ranking_key(finished(0.9, 150), PROBLEM)[0] == 0.5
    assert ranking_key(finished(0.9, 100, recall=0.25), PROBLEM)[0] == 0.5
    assert ranking_key(finished(0.9, 150, recall=0.25), PROBLEM)[0] == 1.0


def test_a_pending_or_failed_trial_is_worst() -> None:
    rehearsal = Rehearsal(PROBLEM)
    pending, failed = rehearsal.propose([Proposal(Flat().first()), Proposal(Flat().first())])
    rehearsal.finish(failed, failed=True)
    assert ranking_key(pending, PROBLEM) == ranking_key(failed, PROBLEM) == WORST


def test_arguments_that_changed_places_are_told() -> None:
    problem = Problem(Flat())
    with pytest.raises(UsageError, match=r"cannot be a Problem\. Write it so: ranking_key\(trial, history\.problem\)"):
        ranking_key(problem, problem)  # type: ignore[arg-type]
