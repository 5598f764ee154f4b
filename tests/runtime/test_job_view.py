from __future__ import annotations

import json

from archsmith.core.job_records import FINISHED, Extended, PhaseRecord, ResultRecord
from archsmith.core.records import StudyRecord
from archsmith.runtime.job_view import JobView

FIT = {"settings": {"data": "blots", "seconds": 60.0}, "plan": {"p": 1}, "speed": {"s": 1}}


def test_a_plain_search_has_no_job() -> None:
    job = JobView()
    job.take(StudyRecord())
    assert job.to_dict() is None and job.settings == {} and not job.ended and job.rows("accuracy") == []


def test_an_extension_changes_limits_and_makes_results_void() -> None:
    job = JobView()
    job.take(StudyRecord(fit=FIT))
    for name in ("linear", "search", "train fixed", "test", "export"):
        job.take(PhaseRecord(name, FINISHED, seconds=1.0, result={"accuracy": 0.5}))
    job.take(ResultRecord("accuracy", stop_reason="seconds"))
    assert job.ended and job.stopped_by == "seconds"
    job.take(Extended({"seconds": 90.0, "data": "another"}, {"p": 2}, {"s": 2}))
    assert not job.ended and list(job.results) == ["linear", "train fixed"]
    assert (job.settings, job.plan, job.speed) == ({"data": "blots", "seconds": 90.0}, {"p": 2}, {"s": 2})
    assert json.loads(json.dumps(job.to_dict())) == job.to_dict()


def test_rows_are_those_of_the_result_or_of_the_trainings_that_are_over() -> None:
    job = JobView()
    job.take(PhaseRecord("train fixed", FINISHED, seconds=1.0, result={"accuracy": 0.5}))
    job.take(PhaseRecord("train searched"))
    assert job.rows("accuracy") == [{"name": "fixed", "valid": 0.5, "accuracy": 0.5}]
    job.take(ResultRecord("accuracy", rows=({"name": "searched", "valid": 0.9},)))
    assert job.rows("accuracy") == [{"name": "searched", "valid": 0.9}]


def test_baselines_are_rows_whatever_their_phases_are_called() -> None:
    job = JobView()
    job.take(PhaseRecord("boosted", FINISHED, seconds=1.0, result={"accuracy": 0.7}))
    job.take(PhaseRecord("choose", FINISHED, seconds=1.0, result={"network": "boosted", "valid": 0.7}))
    assert [row["name"] for row in job.rows("accuracy")] == ["boosted"]
