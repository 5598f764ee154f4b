import math

import numpy as np
import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.errors import EvaluationError, UsageError
from archsmith.core.trial import Outcome, Proposal, Status, Trial, came_from, goes_on, is_changed


@pytest.mark.parametrize("value", [math.nan, math.inf, "0.9", None, True])
def test_nan_is_never_a_score(value):
    with pytest.raises(EvaluationError) as caught:
        Outcome.success({"accuracy": value})
    assert caught.value.kind == "nan"


def test_failures_carry_kind_and_one_line():
    assert Outcome.failure(MemoryError()).error_kind == "memory"
    failed = Outcome.failure(ValueError("two\nlines"))
    assert (failed.status, failed.error_kind, failed.error) == (Status.FAILED, "exception", "ValueError: two lines")
    assert Outcome.failure(EvaluationError("too long", kind="timeout")).error_kind == "timeout"


def test_outcome_round_trip():
    outcome = Outcome.success({"accuracy": 1}, 2.5, {"device": "cpu"})
    assert Outcome.from_dict(outcome.to_dict()) == outcome
    assert isinstance(outcome.metrics["accuracy"], float)


def test_a_trial_without_score_compares_as_worst():
    trial = Trial(0, Architecture({"x": 1}), 1.0)
    assert trial.status is Status.PENDING and trial.loss == math.inf and not trial.ok


def test_what_was_made_from_another_network_is_told_from_what_goes_on():
    one, other = Architecture({"x": 1}), Architecture({"x": 2})
    trials = [Trial(0, one, 1.0), Trial(1, one, 2.0, parents=(0,)), Trial(2, other, 1.0, parents=(1,))]
    assert [is_changed(trial, trials) for trial in trials] == [False, False, True]
    assert [came_from(trial, trials) for trial in trials] == ["", "goes on from trial 0", "made from trial 1"]
    assert [goes_on(trial, trials) for trial in trials] == [False, True, False]
    trials[1].outcome = Outcome.success({"accuracy": 1}, notes={"parent_lost": True})
    assert came_from(trials[1], trials) == "begins anew, without what trial 0 had learnt"
    assert not goes_on(trials[1], trials)


def test_a_trial_outside_the_limits_is_not_called_ok():
    outcome = Outcome.success({"accuracy": 0.9})
    inside, outside = (
        Trial(0, Architecture({"x": 1}), 1.0, outcome=outcome, losses=(-0.9,), feasible=kept) for kept in (True, False)
    )
    assert inside.ok and repr(inside).startswith("Trial(0, ok, accuracy 0.9")
    assert not outside.ok and repr(outside).startswith("Trial(0, outside the limits, accuracy 0.9")
    assert "outside the limits" in outside._repr_html_()


HERE = Architecture({"x": 1})


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Proposal("x"), r"Proposal\.architecture cannot be 'x'\. It takes an Architecture, such as space"),
        (lambda: Proposal(HERE, parents=3), r"Proposal\.parents cannot be 3\. It takes a tuple of whole numbers\."),
        (lambda: Proposal(HERE, parents=(0.5,)), r"Proposal\.parents cannot be \(0\.5,\)\."),
        (lambda: Proposal(HERE, fidelity="3"), r"Proposal\.fidelity cannot be '3'\."),
        (lambda: Proposal(HERE, notes="why"), r"Proposal\.notes cannot be 'why'\."),
        (lambda: Outcome("good"), r"The status of an outcome cannot be 'good'\. Write Outcome\.success"),
        (lambda: Outcome(Status.OK, 0.9), r"The metrics of an outcome cannot be 0\.9\."),
        (lambda: Outcome.success(0.9), r"The metrics of an outcome cannot be 0\.9\."),
    ],
)
def test_a_slip_is_one_sentence(make, words):
    with pytest.raises(UsageError, match=words):
        make()


def test_plain_data_becomes_what_it_stands_for():
    assert Proposal({"x": 1}, parents=[0]) == Proposal(HERE, parents=(0,))
    fidelity = Proposal(HERE, fidelity=np.int64(3)).fidelity
    assert fidelity == 3 and type(fidelity) is int  # which can be logged
    assert Outcome("ok", {"accuracy": 1.0}).ok
    assert Outcome.success({"accuracy": np.float32(0.5)}).metrics == {"accuracy": 0.5}
