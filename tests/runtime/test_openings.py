from __future__ import annotations

import pytest

from archsmith.core.records import Closed, Opened, Record
from archsmith.runtime.openings import Openings


def after(*moments: tuple[float, Record | None]) -> Openings:
    openings = Openings()
    for time, read in moments:
        openings.take(read, time)
    return openings


def test_the_clock_stands_still_between_two_openings() -> None:
    openings = after((10, Opened()), (15, None), (100, Opened()), (103, None))
    assert openings.seconds == 8.0
    assert openings.seconds_before(100) == 5.0 and openings.seconds_before(101) == 8.0


def test_before_the_first_opening_no_time_passes() -> None:
    assert after().seconds == after((10, None), (20, None)).seconds == 0.0


@pytest.mark.parametrize(("last", "reason"), [(Closed("trials"), "trials"), (None, None)])
def test_an_opening_ends_with_a_reason_or_is_killed(last: Record | None, reason: str | None) -> None:
    openings = after((10, Opened(seconds=60.0)), (12, last))
    assert openings.now is not None
    assert (openings.now.reason, openings.now.seconds, openings.now.by.seconds) == (reason, 2.0, 60.0)


@pytest.mark.parametrize(("left", "seconds"), [(40.0, 30.0), (11.0, 2.0), (500.0, 90.0), (None, 2.0)])
def test_what_a_killed_process_did_after_its_last_event_counts(left: float | None, seconds: float) -> None:
    openings = after((10, Opened()), (12, None), (100, Opened(left=left)))
    assert openings.seconds == openings.seconds_before(100) == seconds


def test_a_clock_that_was_set_back_takes_no_time_away() -> None:
    assert after((10, Opened()), (15, None), (12, None)).seconds == 5.0
