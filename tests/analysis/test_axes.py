from __future__ import annotations

import pytest

from archsmith.analysis.axes import Axis, axis, from_zero, log_ticks, of_data, round_edges, round_ticks


@pytest.mark.parametrize(
    ("low", "high", "wanted", "ticks"),
    [
        (0.0, 1.0, 5, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.70, 0.785, 4, [0.7, 0.72, 0.74, 0.76, 0.78]),
        (-8.5, 8.5, 4, [-5.0, 0.0, 5.0]),
        (3.0, 3.0, 4, [3.0]),
        (0.0, 1e-9, 4, [0.0, 5e-10, 1e-9]),
    ],
)
def test_ticks_are_round_and_inside(low: float, high: float, wanted: int, ticks: list[float]) -> None:
    assert round_ticks(low, high, wanted) == pytest.approx(ticks)


@pytest.mark.parametrize(("low", "high"), [(0.0, 7.3), (0.913, 0.929), (-1e6, 2e6), (12.0, 12.5)])
def test_there_are_always_some_ticks_and_never_too_many(low: float, high: float) -> None:
    for wanted in (3, 5, 8):
        assert 3 <= len(round_ticks(low, high, wanted)) <= 3 * wanted


@pytest.mark.parametrize(
    ("low", "high", "wanted", "whole", "edges"),
    [
        (0.0, 1.0, 5, False, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (11.9667, 14.9333, 3, False, [11.0, 12.0, 13.0, 14.0, 15.0]),
        (2007.0, 2009.0, 12, True, [2007.0, 2008.0, 2009.0, 2010.0]),
        (-3.0, 172_900.0, 2, False, [-100_000.0, 0.0, 100_000.0, 200_000.0]),
        (3.0, 3.0, 5, False, [2.5, 3.5]),
    ],
)
def test_edges_are_round_and_outside(low: float, high: float, wanted: int, whole: bool, edges: list[float]) -> None:
    assert round_edges(low, high, wanted, whole) == edges


def test_logarithmic_ticks() -> None:
    assert log_ticks(1e3, 2e6) == [1e3, 1e4, 1e5, 1e6]
    assert len(log_ticks(3e5, 5e5)) >= 3
    assert len(log_ticks(1.0, 1e12, 4)) <= 8


def test_an_axis_has_room_for_all_values_even_for_one() -> None:
    assert axis("x", [3.0]).low < 3.0 < axis("x", [3.0]).high
    assert axis("x", []).low < axis("x", []).high
    assert axis("x", [0.0]).low < 0.0 < axis("x", [0.0]).high
    assert axis("x", [10.0], log=True).low < 10.0
    assert axis("x", [float("nan"), 1.0, 2.0]).high < 3.0


def test_ticks_that_are_close_together_have_names_of_their_own() -> None:
    near = axis("loss", [2.3237, 2.3261])
    shown = [near.show(tick) for tick in near.ticks(5)]
    assert len(set(shown)) == len(shown) >= 3


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ((1.0, 10.0), 0.0, 10.2),
        ((64.0, 92.0), 62.6, 93.84),
        ((5.0,), 0.0, 5.1),
        ((), 0.0, 1.02),
        ((0.0, 0.0), 0.0, 0.0),
    ],
)
def test_a_scale_of_time_begins_at_0_unless_half_of_it_would_be_empty(
    values: tuple[float, ...], low: float, high: float
) -> None:
    scale = from_zero("epochs", values)
    assert (scale.low, scale.high) == (pytest.approx(low), pytest.approx(high, abs=1e-6))


def test_years_are_written_out_on_an_axis_of_the_data() -> None:
    assert of_data(1950.0, 2024.0)(1980.0) == "1980"
    assert of_data(0.0, 30_000.0)(20_000.0) == "20 k"


def test_an_axis_that_counts_has_whole_ticks_only() -> None:
    assert Axis("trial", 0.0, 3.06, whole=True).ticks(13) == [0.0, 1.0, 2.0, 3.0]
    assert Axis("trial", 0.0, 1.0, whole=True).ticks(8) == [0.0, 1.0]
