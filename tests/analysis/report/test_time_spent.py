from __future__ import annotations

from typing import Any

from archsmith.analysis.report.time_spent import time_spent_of
from archsmith.analysis.study import read_study
from archsmith.analysis.wording import NB


def test_where_the_time_went(make: Any) -> None:
    spent = time_spent_of(read_study(make()))
    assert spent is not None
    text = spent.lead.replace(NB, " ")
    assert text.startswith("The job took 58 s of the 1 min that it was given. Most of it went into search (40 s).")
    assert "All phases took about as long as forecast." in text
    assert ("training the searched network", 8.0, 9.0) in spent.rows
