from __future__ import annotations

import dataclasses

import pytest

from archsmith.core.events import Event


def test_a_new_event_has_no_place_in_a_log_yet() -> None:
    assert Event("closed") == Event("closed", {}, index=-1, time=0.0)


def test_an_event_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Event("closed").kind = "opened"  # type: ignore[misc]
