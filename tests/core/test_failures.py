"""When a search gives up because its trials fail, and what is said of them."""

import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.errors import EvaluationError
from archsmith.core.failures import Failures, most_frequent, never_returned, nothing_found, outside, without_answer
from archsmith.core.history import History
from archsmith.core.problem import Constraint, Objective, Problem
from archsmith.core.records import Finished, Proposed, ProposedTrial
from archsmith.core.trial import Outcome, Trial
from archsmith.testing.toys import Flat

WORKED = Outcome.success({"accuracy": 0.5, "params": 10.0})
FAILED, SCREENED = (Outcome.failure(EvaluationError("It did not work.", kind=kind)) for kind in ("nan", "screened"))
PROBLEM = Problem(Flat(), (Objective("accuracy"),))
SMALL = Problem(Flat(), (Objective("accuracy"),), (Constraint("params", upper=5), Constraint("accuracy", lower=0.1)))


def history(*outcomes, problem=PROBLEM):
    """Trials with these outcomes; None: one that is not over."""
    found, architecture = History(problem), Flat().first()
    found.take(Proposed(tuple(ProposedTrial(i, architecture, 1.0) for i in range(len(outcomes)))))
    for i, outcome in enumerate(outcomes):
        if outcome is not None:
            found.take(Finished(i, outcome))
    return found


def counted(*outcomes, problem=PROBLEM):
    failures = Failures(first=3, in_a_row=5)
    for trial in history(*outcomes, problem=problem).finished:
        failures.finished(trial)
    return failures


@pytest.mark.parametrize(
    ("outcomes", "too_many"),
    [
        ([FAILED] * 2, False),
        ([FAILED] * 3, True),
        ([FAILED, FAILED, WORKED, FAILED, FAILED, FAILED], False),  # one that works, and the first ones count no more
        ([WORKED] + [FAILED] * 4, False),
        ([WORKED] + [FAILED] * 5, True),
        ([FAILED, SCREENED, FAILED], False),  # what a cascade left out is no failure
        ([FAILED, SCREENED, FAILED, SCREENED, FAILED], True),
    ],
)
def test_a_search_gives_up_where_nothing_works(outcomes, too_many):
    assert counted(*outcomes).too_many == too_many


def test_whoever_goes_on_with_a_search_that_gave_up_gets_as_many_trials_again():
    failures = counted(*[FAILED] * 3)
    failures.closed("seconds")
    assert failures.too_many  # it was killed, or ran out of time, and would have ended anyway
    failures.closed("failures")
    assert not failures.too_many


def test_a_limit_on_failures_in_a_row_holds_for_the_first_ones_too():
    failures = Failures(first=8, in_a_row=2)
    for trial in history(FAILED, FAILED).finished:
        failures.finished(trial)
    assert failures.too_many


def test_that_nothing_keeps_the_limits_is_said_once():
    said = [counted(*[WORKED] * n, problem=SMALL).just_outside for n in range(6)]
    assert said == [False, False, False, True, False, False]
    inside = Outcome.success({"accuracy": 0.5, "params": 1.0})
    assert not counted(inside, *[WORKED] * 3, problem=SMALL).just_outside
    assert not counted(WORKED, WORKED, WORKED, FAILED, problem=SMALL).just_outside
    assert not counted(WORKED, WORKED, WORKED, SCREENED, problem=SMALL).just_outside


def failure(text, kind="exception"):
    return Outcome.failure(EvaluationError(text, kind=kind))


def test_the_most_frequent_reason_is_told_and_numbers_make_no_difference():
    rare, often = failure("Nothing came."), [failure(f"It needs {n},000 MB.", "memory") for n in (3, 4)]
    found = most_frequent(history(WORKED, rare, *often).finished)
    assert (found.text, found.kind, found.n_failed, found.n_tried) == ("It needs 3,000 MB.", "memory", 3, 4)
    assert [trial.id for trial in found.trials] == [2, 3]
    assert found.sentence == "3 of 4 trials failed, most often (in 2) for this: It needs 3,000 MB."
    assert "more memory" in found.hint


def test_one_reason_for_all():
    assert most_frequent(history(FAILED, FAILED).finished).sentence == "All 2 trials failed: It did not work."
    assert most_frequent(history(FAILED, None).finished).sentence == "The only trial failed: It did not work."
    assert most_frequent(history(WORKED, SCREENED).finished) is None


def test_trials_that_were_screened_out_are_no_part_of_all():
    two = most_frequent(history(FAILED, SCREENED, FAILED, SCREENED).finished)
    assert two.sentence == "All 2 trials that were not screened out failed: It did not work."
    one = most_frequent(history(FAILED, SCREENED).finished)
    assert one.sentence == "The only trial that was not screened out failed: It did not work."
    some = most_frequent(history(FAILED, SCREENED, WORKED).finished)
    assert some.sentence == "1 of 2 trials that were not screened out failed: It did not work."


def test_a_long_reason_is_shortened_and_ends_as_a_sentence():
    long, open_end = (most_frequent(history(failure(text)).finished).text for text in ("x" * 400, "no end"))
    assert len(long) < 300 and long.endswith("…") and open_end == "no end."


def test_trials_outside_the_limits_name_the_limit_and_who_comes_closest():
    near = Outcome.success({"accuracy": 0.5, "params": 7.0})
    assert outside(history(WORKED, near, problem=SMALL).finished, SMALL.constraints) == (
        "2 trials had a score, and none is within the limits: trial 1 comes closest, with parameters 7 instead of at "
        "most 5."
    )


def test_closest_is_who_breaks_all_limits_least_and_only_what_it_breaks_is_named():
    limits = (Constraint("accuracy", lower=0.35), Constraint("params", upper=5))
    outcomes = [Outcome.success({"accuracy": a, "params": p}) for a, p in ((0.37, 9.0), (0.2, 2.0), (0.34, 5.5))]
    told = outside(history(*outcomes, problem=SMALL).finished, limits)
    assert told.endswith(
        "trial 2 comes closest, with accuracy 0.34 instead of at least 0.35 and parameters 5.5 instead of at most 5."
    )
    assert outside(history(*outcomes[:2], problem=SMALL).finished, limits).endswith(
        "trial 1 comes closest, with accuracy 0.2 instead of at least 0.35."
    )


def test_declared_metrics_that_no_trial_has_are_named():
    some = Outcome.success({"accuracy": 0.5})
    declared = ("accuracy", "params", "macs")
    assert never_returned(declared, history(some, WORKED)) == [
        "The evaluator declares 'macs', and no trial returned it. Return it, or do not declare it."
    ]
    assert "'params' and 'macs', and no trial returned them." in never_returned(declared, history(some, FAILED))[0]
    assert never_returned(declared, history(FAILED)) == never_returned(("accuracy",), history(some)) == []


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [
        ([], "There was no trial."),
        ([None], "Not one trial came to its end."),
        ([FAILED, None], "The only trial failed"),
        ([SCREENED] * 3, "All 3 trials were screened out by the cheap evaluator."),
        ([SCREENED, None], "The only trial was screened out by the cheap evaluator."),
        ([WORKED, FAILED], "none is within the limits"),
    ],
)
def test_why_there_is_no_answer(outcomes, words):
    assert words in nothing_found(history(*outcomes, problem=SMALL))


def test_a_trial_without_a_reason_has_a_sentence_too():
    trial = Trial(0, Architecture(), 1.0, outcome=Outcome(FAILED.status))
    assert most_frequent([trial]).sentence == "The only trial failed: no reason was given."


def test_trials_that_failed_and_those_outside_the_limits_are_counted_apart():
    tried = history(WORKED, FAILED, WORKED, problem=SMALL).finished
    assert without_answer(tried) == ["1 failed", "2 outside the limits"]
    assert without_answer(history(WORKED).finished) == []


def test_a_score_that_is_no_number_is_first_of_all_the_evaluators():
    reason = most_frequent(history(FAILED).finished)
    assert reason.kind == "nan" and reason.hint.startswith("Mend the evaluator.")
