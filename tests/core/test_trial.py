import math

import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.errors import EvaluationError
from archsmith.core.trial import Outcome, Status, Trial


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
