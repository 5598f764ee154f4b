from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from archsmith.analysis.report.page import render
from archsmith.analysis.report.time_spent import SECTION, _forecasts, time_spent_of
from archsmith.analysis.study import read_study
from archsmith.analysis.wording import NB, duration
from archsmith.core.job_records import Extended
from archsmith.runtime.phases import Phase


def test_where_the_time_went(make: Any) -> None:
    spent = time_spent_of(read_study(make()))
    assert spent is not None
    text = spent.lead.replace(NB, " ")
    assert text.startswith("The job took 58 s of the 1 min that it was given. Most of it went into search (40 s).")
    assert "All phases with a forecast took about as long as that." in text
    assert ("training the searched network", 8.0, 9.0) in spent.rows


def test_the_first_plan_is_not_compared_with_what_more_time_did(make: Any) -> None:
    study = read_study(make())
    study.view.job.fit = {**study.fit, "plan": {"forecast_trials": 2.0}}
    spent = time_spent_of(study)
    assert spent is not None and "The forecast was about" in spent.lead and any(row[2] for row in spent.rows)
    study.view.job.extensions.append(Extended({"seconds": 83.0}))
    more = time_spent_of(study)
    assert more is not None and "forecast" not in more.lead and not any(row[2] for row in more.rows)
    assert "forecast" not in render(study, [SECTION]).partition('<section id="time"')[2].partition("</section>")[0]


def test_a_limit_on_time_that_more_trials_took_away_is_not_denied(make: Any) -> None:
    never, once = read_study(make(seconds=None)), read_study(make())
    for study, said in ((never, "; it had no limit on time."), (once, "; its last part had no limit on time.")):
        study.view.job.extensions.append(Extended({"seconds": None, "trials": 30}))
        spent = time_spent_of(study)
        assert spent is not None and said in spent.lead


def test_the_largest_part_is_not_most_and_the_rest_is_shown(make: Any) -> None:
    study = read_study(make())
    result = study.view.job.result
    assert result is not None
    study.view.job.result = replace(result, data={**result.data, "seconds": 110.0})
    study.view.job.extensions.append(Extended({"seconds": 83.0}))
    spent = time_spent_of(study)
    assert spent is not None
    text = spent.lead.replace(NB, " ")
    assert text.startswith(
        "The job took 1 min 50 s of the 1 min 23 s that it was given. That is 27 s more than the budget: no part"
    )
    assert sum(seconds for _, seconds, _ in spent.rows) == pytest.approx(110.0, abs=0.1)


def test_a_report_that_is_written_before_the_end_says_so_and_why_time_was_left(make: Any) -> None:
    study = read_study(make())
    result = study.view.job.result
    assert result is not None
    study.view.job.result = replace(result, data={**result.data, "seconds": 20.0, "asked_to_finish": True})
    study.view._last = None  # the job has not closed its study yet
    spent = time_spent_of(study)
    assert spent is not None
    text = spent.lead.replace(NB, " ")
    assert text.startswith("The job had taken 20 s of the 1 min that it was given, when this report was written.")
    assert "A person asked the job to finish early" in text and "some was left" in text


def test_a_job_that_took_too_long_is_not_praised() -> None:
    rows = [("search", 10.0, 10.0), ("boosted", 30.0, None)]
    assert "as long as that" in _forecasts(rows, late=False) and _forecasts(rows, late=True) == ""
    assert "furthest off" in _forecasts([("search", 20.0, 10.0)], late=True)


def test_a_short_phase_that_is_far_off_is_told_though_a_long_one_is_off_by_more() -> None:
    rows = [("search", 440.0, 400.0), ("export", 35.0, 10.0)]
    assert _forecasts(rows, late=False).replace(NB, " ") == (
        " The forecast was furthest off for export: 10 s expected, 35 s spent."
    )


def test_the_phases_of_an_interrupted_job_never_add_up_to_more_than_the_whole(make: Any) -> None:
    study = read_study(make(finished=False))
    study.view.phases.all.insert(0, Phase("read", study.started - 18.0, seconds=18.0))
    study.view.job.results["read"] = {"lead": 20.0}
    spent = time_spent_of(study)
    assert spent is not None
    total = sum(seconds for _, seconds, _ in spent.rows)
    assert study.spent == study.seconds + 20.0 and total <= study.spent
    assert f"The job has taken {duration(study.spent, exact=True)} of" in spent.lead
