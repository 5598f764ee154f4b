from __future__ import annotations

from typing import Any

import pytest

from archsmith.automl.ending import ending


def ended(**fields: Any) -> str:
    result = {"seconds": 60.0, "budget_seconds": 60.0, "stop_reason": "seconds", "phases": {}, **fields}
    return " ".join(ending(result))


def test_a_job_that_took_its_time_needs_no_words() -> None:
    assert ended() == ended(budget_seconds=None) == ""


def test_reading_alone_may_take_more_than_the_budget() -> None:
    told = ended(seconds=90.0, phases={"read": {"seconds": 61.0}, "search": {"seconds": 9.0}})
    assert told == "The job took 0:30 more than the budget: reading and checking the data alone took 1:01."


def test_a_phase_that_took_longer_than_forecast_is_named() -> None:
    told = ended(seconds=90.0, phases={"search": {"seconds": 50.0, "expected": 20.0}})
    assert "search took 0:50 where 0:20 were expected" in told


def test_a_machine_that_became_slower_is_blamed_where_no_phase_can_be() -> None:
    assert "other programs ran" in ended(seconds=90.0)


@pytest.mark.parametrize("seconds", [20.0, 60.0])
def test_who_was_asked_to_finish_says_so_and_no_other_reason_for_an_early_end(seconds: float) -> None:
    told = ended(seconds=seconds, asked_to_finish=True)
    assert told == "A person asked the job to finish early, so the trainings after that were cut short."


def test_an_early_end_has_a_reason() -> None:
    assert "promised nothing" in ended(seconds=20.0)
    cut = {"train searched": {"seconds": 5.0, "expected": 5.0}}
    assert "took less than was kept" in ended(seconds=20.0, phases=cut)
