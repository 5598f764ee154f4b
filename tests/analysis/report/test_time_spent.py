from __future__ import annotations

from typing import Any

from archsmith.analysis.report.time_spent import _forecasts, time_spent_of
from archsmith.analysis.study import read_study
from archsmith.analysis.wording import NB


def test_where_the_time_went(make: Any) -> None:
    spent = time_spent_of(read_study(make()))
    assert spent is not None
    text = spent.lead.replace(NB, " ")
    assert text.startswith("The job took 58 s of the 1 min that it was given. Most of it went into search (40 s).")
    assert "All phases with a forecast took about as long as that." in text
    assert ("training the searched network", 8.0, 9.0) in spent.rows


def test_a_job_that_took_too_long_is_not_praised() -> None:
    rows = [("search", 10.0, 10.0), ("boosted", 30.0, None)]
    assert "as long as that" in _forecasts(rows, late=False) and _forecasts(rows, late=True) == ""
    assert "furthest off" in _forecasts([("search", 20.0, 10.0)], late=True)
