"""What is said of the time that a job took."""

from __future__ import annotations

from typing import Any

import pytest

from archsmith.core.time_told import about_time


def told(seconds: float, phases: dict[str, Any] | None = None, **more: Any) -> str:
    result = {"budget_seconds": 40.0, "seconds": seconds, "stop_reason": "settled", "phases": phases or {}}
    return about_time({**result, **more})


def test_about_the_budget_nothing_is_said() -> None:
    assert told(39.0) == told(44.0) == told(400.0, budget_seconds=None) == ""


@pytest.mark.parametrize("reason", ["seconds", "late", "outdone", "settled"])
def test_the_end_of_the_job_is_told_apart_from_that_of_its_search(reason: str) -> None:
    phases = {"train fixed": {"seconds": 3.0, "expected": 12.0}}
    early = "The job ended before its time was over: a training had all its epochs, no longer got better, or failed."
    assert told(20.0, phases, stop_reason=reason) == early


@pytest.mark.parametrize(
    ("later", "said"), [(15.5, "the test, the export and the report took"), (2.0, "a training had")]
)
def test_what_left_most_of_the_time_is_named(later: float, said: str) -> None:
    # an earlier training that the clock ended says nothing of a later one
    phases = {"train fixed": {"seconds": 9.0, "expected": 9.0}, "train searched": {"seconds": later, "expected": 16.0}}
    assert told(20.0, phases).startswith(f"The job ended before its time was over: {said}")


def test_a_training_that_failed_may_have_left_the_time() -> None:
    phases = {"train fixed": {"seconds": 9.0, "expected": 9.0}, "train searched": {"seconds": 0.5, "expected": 20.0}}
    rows = [{"name": "fixed", "valid": 0.9}, {"name": "searched", "error": "It diverged."}]
    assert told(20.0, phases, rows=rows).endswith("a training had all its epochs, no longer got better, or failed.")


def test_what_took_longer_than_was_kept_for_it_is_named() -> None:
    phases = {"train fixed": {"seconds": 12.0, "expected": 12.0}, "test": {"seconds": 2.6}, "export": {"seconds": 15.2}}
    phases["search"] = {"seconds": 20.0}
    late = "That is 0:12 more than the budget: "
    assert told(52.0, phases).startswith(f"{late}no part of it stands out")
    kept = {"reserve_seconds": 7.6}
    assert (
        told(52.0, phases, forecast=kept)
        == f"{late}test, export and report together took 0:18 where 0:08 were expected."
    )


def test_reading_that_took_most_of_the_budget_is_named() -> None:
    assert told(50.0, {"read": {"seconds": 25.0}}).endswith("budget: reading and checking the data alone took 0:25.")
    assert "no part of it stands out" in told(50.0, {"read": {"seconds": 15.0}, "search": {"seconds": 34.0}})


def test_a_person_who_asked_for_an_early_end_explains_the_time_that_is_left() -> None:
    early = "A person asked the job to finish early, so trainings got less time from then on"  # not: were cut short
    assert told(20.0, asked_to_finish=True) == f"{early}, and some was left."
    assert told(42.0, asked_to_finish=True) == f"{early}."


def test_what_no_phase_accounts_for_is_named_too() -> None:
    phases = {"train fixed": {"seconds": 12.0, "expected": 12.0}}
    assert "than the budget: what lies between the phases took 0:40." in told(52.0, phases)
    assert "than the budget: what lies between the phases took 0:40. A person" in told(
        52.0, phases, asked_to_finish=True
    )
