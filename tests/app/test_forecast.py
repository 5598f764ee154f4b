from archsmith.app.forecast import UNKNOWN, WAITING, forecast
from archsmith.automl.plan import Speed, make_plan
from archsmith.automl.plan_words import lines_of

SPEED = {"step_seconds": 0.01, "batch_size": 32, "n_train": 500, "n_valid": 90, "n_test": 100}
MEASURED = {"speed": SPEED, "families": 5, "elapsed": 2.0, "failure": "", "machine": ["Here."], "needs": ["Little."]}
FACTS = {"space": "pictures"}


def test_it_is_the_plan_of_the_job_in_its_words() -> None:
    plan = make_plan(600.0, None, 2.0, Speed(**SPEED), None, "auto", 5)
    assert forecast(FACTS, MEASURED, {"seconds": 600.0}) == ["Here.", *lines_of(plan), "Little."]


def test_a_short_budget_is_told_as_such() -> None:
    slow = {**MEASURED, "speed": {**SPEED, "step_seconds": 2.0}}
    assert "There is no search" in " ".join(forecast(FACTS, slow, {"seconds": 60.0})) or "too short" in " ".join(
        forecast(FACTS, slow, {"seconds": 60.0})
    )


def test_rows_that_there_is_no_time_for_are_told() -> None:
    facts = {**FACTS, "encoding": {"n": 284_607, "seconds": 60.0, "fewest": 5_000}}
    said = forecast(facts, MEASURED, {"seconds": 60.0})[1]
    assert said == "About 85,000 of 284,607 rows will be used: there is no time to read more. 3:20 would do for all."
    for seconds in (None, 300.0):
        assert not any("will be used" in line for line in forecast(facts, MEASURED, {"seconds": seconds, "trials": 5}))


def test_before_the_machine_was_measured_it_says_so() -> None:
    assert forecast(FACTS, {}, {"seconds": 60.0}) == [WAITING]
    assert forecast(FACTS, {"failed": "Why."}, {"seconds": 60.0}) == [UNKNOWN, "Why."]


def test_columns_that_are_left_out_are_told() -> None:
    wanted = {"seconds": 600.0, "ignore": ["Name", "id"]}
    for measured in (MEASURED, {}, {"failed": "Why."}):
        assert forecast(FACTS, measured, wanted)[0] == "It learns without 'Name', 'id'."


def test_another_space_is_measured_later() -> None:
    said = forecast(FACTS, {**MEASURED, "failure": "None can be trained."}, {"seconds": 60.0, "space": "nasnet"})
    assert any("is measured when the study begins" in line for line in said)
    assert not any("None can be trained" in line for line in said)
