"""Drawings are made once, kept while there is room, and given up after a time."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from archsmith import catalog
from archsmith.app import drawings
from archsmith.app.drawings import Drawings
from archsmith.core.errors import UsageError
from archsmith.spaces.conv_stages import ConvStages

MADE = {"params": 1, "macs": 2, "saved_bytes": 3, "n_operations": 4, "titles": ["Whole"], "drawing0": "<svg/>"}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The orders that a process got; each takes a moment."""
    orders: list[str] = []

    def answered(order: str, patience: float) -> dict[str, Any]:
        orders.append(order)
        time.sleep(0.02)
        return MADE if "bad" not in order else {"error": "This cannot be drawn.", "hint": "Draw another."}

    monkeypatch.setattr(drawings, "_asked", answered)
    return orders


def test_a_real_process_draws() -> None:
    space = ConvStages()
    order = {"space": catalog.to_spec(space), "architecture": dict(space.first() or {})}
    made = Drawings()
    found = made.drawn(order)
    assert found.pictures[0].title == "Whole network" and found.pictures[0].svg.startswith("<svg")
    assert found.params > 0


def test_many_who_ask_for_the_same_get_one_drawing(asked: list[str]) -> None:
    made = Drawings()
    threads = [threading.Thread(target=made.drawn, args=({"space": 1},)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made.drawn({"space": 2})
    assert len(asked) == 2


def test_what_failed_is_kept_as_well(asked: list[str]) -> None:
    made = Drawings()
    for _ in range(2):
        with pytest.raises(UsageError, match="cannot be drawn. Draw another"):
            made.drawn({"space": "bad"})
    assert len(asked) == 1


def test_the_oldest_is_forgotten(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawings, "KEPT", 2)
    made = Drawings()
    for i in (1, 2, 1, 3, 1, 2):
        made.drawn({"space": i})
    assert len(asked) == 4  # 2 was forgotten for 3
    monkeypatch.setattr(drawings, "KEPT_CHARACTERS", 5)
    made.drawn({"space": 9})
    made.drawn({"space": 9})
    assert len(asked) == 6  # there is no room for any


def test_one_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(UsageError, match=r"takes more than 0\.01 seconds"):
        Drawings(patience=0.01).drawn({"space": {"type": "conv_stages", "args": {}}, "architecture": {}})


def test_an_order_beyond_all_measure_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawings.subprocess, "run", lambda *_, **__: pytest.fail("a process was started"))
    with pytest.raises(UsageError, match="too many decisions"):
        Drawings().drawn({"space": "x" * drawings.LARGEST_ORDER})


def test_what_failed_for_want_of_time_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Drawings(patience=0.01)
    order = {"space": catalog.to_spec(ConvStages()), "architecture": dict(ConvStages().first() or {})}
    with pytest.raises(UsageError, match="takes more than"):
        made.drawn(order)
    monkeypatch.setattr(drawings, "_asked", lambda order, patience: MADE)
    assert made.drawn(order).params == 1
