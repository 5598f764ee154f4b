from __future__ import annotations

import pytest

from archsmith.training.recipe import Recipe
from archsmith.training.schedules import FLOOR, Pace, rate


def test_one_cycle_climbs_to_the_peak_and_falls_to_nothing() -> None:
    recipe = Recipe(learning_rate=0.2, warmup=0.25)
    assert rate(recipe, 0.0) < 0.01
    assert rate(recipe, 0.25) == pytest.approx(0.2)
    assert rate(recipe, 1.0) == pytest.approx(0.2 * FLOOR)
    assert rate(recipe, 0.4) > rate(recipe, 0.6)


def test_cosine_begins_at_the_peak_and_constant_stays() -> None:
    assert rate(Recipe(learning_rate=0.2, schedule="cosine"), 0.0) == pytest.approx(0.2)
    constant = Recipe(learning_rate=0.2, schedule="constant")
    assert {rate(constant, p / 10) for p in range(11)} == {0.2}


def run(pace: Pace, seconds_of: list[float], start: float = 0.0) -> float:
    """Takes steps of the given lengths from ``start`` on until nothing fits; returns the time at the end."""
    now = start
    for took in seconds_of:
        if pace.done(now):
            break
        now += took
        pace.advance(now, took)
    return now


def test_progress_counts_steps_when_time_does_not_matter() -> None:
    pace = Pace(n_steps=8)
    run(pace, [1.0] * 4)
    assert pace.progress == pytest.approx(0.5)
    run(pace, [1.0] * 10)
    assert (pace.step, pace.progress) == (8, pytest.approx(1.0))


def test_a_short_clock_ends_annealed_and_in_time() -> None:
    pace = Pace(n_steps=1000, seconds=10.0, reserve=1.0)
    ended = run(pace, [0.1] * 1000)
    assert 8.5 <= ended <= 9.1
    assert pace.progress == pytest.approx(1.0, abs=0.03)


def test_a_machine_that_turns_slow_still_ends_annealed_and_in_time() -> None:
    pace = Pace(n_steps=1000, seconds=100.0)
    ended = run(pace, [0.1] * 400 + [0.4] * 1000)
    assert 95 <= ended <= 100.5
    assert pace.progress == pytest.approx(1.0, abs=0.03)


def test_a_machine_that_turns_quick_takes_more_steps() -> None:
    pace = Pace(n_steps=10_000, seconds=100.0)
    run(pace, [0.5] * 100 + [0.1] * 10_000)
    assert pace.step > 500
    assert pace.progress == pytest.approx(1.0, abs=0.03)


def test_measuring_between_steps_is_planned_for() -> None:
    pace = Pace(n_steps=1000, seconds=10.0)
    now = 0.0
    while not pace.done(now):
        now += 0.1
        pace.advance(now, 0.1)
        if pace.step % 10 == 0:
            now += 1.0
            pace.overhead += 1.0
    assert now <= 10.6
    assert pace.progress == pytest.approx(1.0, abs=0.1)


def test_a_slow_first_step_is_forgotten() -> None:
    pace = Pace(n_steps=1000, seconds=100.0)
    run(pace, [20.0, 0.1, 0.1])
    assert pace.step_seconds == pytest.approx(0.1)


def test_hurry_ends_annealed_within_a_quarter_of_the_time_taken() -> None:
    pace = Pace(n_steps=10_000, seconds=1000.0)
    run(pace, [0.1] * 400)
    pace.hurry(40.0)
    ended = run(pace, [0.1] * 5000, start=40.0)
    assert 47 <= ended <= 51
    assert pace.progress == pytest.approx(1.0, abs=0.03)
    pace.hurry(45.0)  # a second request does not push the end away
    assert pace.seconds == pytest.approx(50.0)
