import dataclasses
import math

import pytest

from archsmith.automl.plan import (
    ANCHORS_SHARE,
    AUTO,
    FEWEST_ANCHORS,
    FEWEST_VERIFIED,
    FINAL_EPOCHS,
    FINAL_SLACK,
    MOST_OF_BANK,
    MOST_VERIFIED,
    OWN,
    SEARCHED_COST,
    SHARED,
    SHARED_TRIALS,
    WEIGHTS,
    Plan,
    Speed,
    make_plan,
)
from archsmith.automl.plan_words import lines_of

FASHION = Speed(step_seconds=0.05, batch_size=128, n_train=55_000, n_valid=5_000, n_test=10_000, example_seconds=1.6e-4)
DIGITS = Speed(step_seconds=0.004, batch_size=128, n_train=1_298, n_valid=229, n_test=270, example_seconds=5e-5)


@pytest.mark.parametrize("speed", [FASHION, DIGITS])
@pytest.mark.parametrize("seconds", [30, 120, 1200, 3600])
def test_the_parts_add_up_to_the_budget(speed, seconds):
    plan = make_plan(seconds, None, 5.0, speed)
    assert 5.0 <= plan.search_end < plan.final_end < seconds
    assert plan.searching == (plan.search_end > 5.0)
    assert plan.final_end + plan.reserve_seconds == pytest.approx(seconds)


def test_the_first_slices_take_their_share_and_the_winner_gets_most():
    plan = make_plan(1200, None, 5.0, FASHION, anchors=8)
    assert plan.anchors == 8
    usable = plan.final_end - 5.0
    assert plan.anchors * plan.trial_seconds < 1.3 * ANCHORS_SHARE * usable
    assert plan.total_work * FASHION.steps_per_epoch * FASHION.step_seconds == pytest.approx(usable)


def test_small_data_leave_the_time_to_the_search():
    plan = make_plan(3600, None, 5.0, DIGITS)
    final = plan.final_end - plan.search_end
    assert final < 0.1 * 3600
    assert plan.search_end > 3000


def test_a_slow_machine_gets_shorter_trials_and_fewer():
    slow = dataclasses.replace(FASHION, step_seconds=0.5)
    plan, quick = (make_plan(1200, None, 5.0, speed, anchors=8) for speed in (slow, FASHION))
    assert plan.proxy_epochs < quick.proxy_epochs and FEWEST_ANCHORS <= plan.anchors < quick.anchors


@pytest.mark.parametrize("cost", [0.2, 1.0, 5.0])
def test_the_trials_of_a_slow_space_are_longer_and_fewer(cost):
    speed = dataclasses.replace(FASHION, cost=cost)
    plan, plain = (make_plan(1200, None, 5.0, each, asked=True, anchors=1) for each in (speed, FASHION))
    assert plan.unit_seconds == pytest.approx(cost * plain.unit_seconds)
    # they last at least so many steps, and take their share of the time otherwise
    assert plan.trial_seconds >= 60 * cost * FASHION.step_seconds and plan.proxy_epochs * 429 >= 59
    assert (plan.forecast_trials < plain.forecast_trials) == (cost > 1)
    assert plan.reserve_seconds >= plain.reserve_seconds or cost < 1


def test_a_space_that_a_person_names_is_searched_where_one_trial_ends():
    slow = dataclasses.replace(FASHION, cost=10.0)  # half a second a step, so 42 s for the shortest trial
    asked, unasked = (make_plan(180, None, 5.0, slow, asked=asked) for asked in (True, False))
    assert asked.searching and asked.forecast_trials >= 1 and asked.search_end > 5.0 + asked.shortest_seconds
    assert not unasked.searching and unasked.enough_seconds > 180
    hopeless = make_plan(60, None, 5.0, slow, asked=True)
    assert not hopeless.searching and hopeless.shortest_seconds == pytest.approx(42.0, rel=0.02)
    assert make_plan(hopeless.enough_seconds, None, 5.0, slow, asked=True).searching


@pytest.mark.parametrize(("seconds", "trials"), [(1200, None), (1200, 5), (None, 5)])
@pytest.mark.parametrize("weights", WEIGHTS)
def test_nothing_is_searched_where_no_network_can_be_trained(seconds, trials, weights):
    plan = make_plan(seconds, trials, 5.0, FASHION, weights=weights, failure="It does not fit.")
    assert not plan.searching and plan.failure == "It does not fit." and plan.enough_seconds is None
    assert Plan.from_dict(plan.to_dict()) == plan


def test_a_bank_of_a_slow_space_needs_more_time():
    slow = dataclasses.replace(FASHION, cost=30.0)  # eleven minutes an epoch
    short, long = (make_plan(seconds, None, 5.0, slow, weights=SHARED) for seconds in (600, 18_000))
    assert long.searching and not short.searching and 600 < short.enough_seconds <= 18_000


def test_a_budget_of_trials_does_not_depend_on_the_clock():
    fast, slow = (
        make_plan(None, 7, elapsed, Speed(step, 128, 55_000, 5_000, 10_000))
        for elapsed, step in ((1.0, 0.01), (9.0, 0.9))
    )
    assert (fast.proxy_epochs, fast.final_epochs, fast.forecast_trials) == (
        slow.proxy_epochs,
        slow.final_epochs,
        slow.forecast_trials,
    )
    assert fast.search_end is None and fast.final_end is None


def test_round_trip_and_words():
    plan = make_plan(1200, None, 5.0, FASHION)
    assert Plan.from_dict(plan.to_dict()) == plan
    assert "There is time for about" in " ".join(lines_of(plan))


def test_what_is_too_short_for_a_search_trains_the_fixed_network():
    slow = dataclasses.replace(FASHION, step_seconds=0.5)
    plan = make_plan(60, None, 20.0, slow)
    assert not plan.searching and plan.search_end == 20.0 and plan.forecast_trials == 0
    assert plan.final_end - plan.search_end > 20.0
    assert "too short for a search" in lines_of(plan)[0]
    assert make_plan(60, 3, 20.0, slow).searching  # a person who asks for trials gets them


def test_slow_originals_are_verified_in_smaller_numbers():
    plan = make_plan(60, None, 5.0, dataclasses.replace(FASHION, original_seconds=0.05))
    assert plan.n_verified == FEWEST_VERIFIED
    assert make_plan(600, None, 5.0, FASHION).n_verified == MOST_VERIFIED


@pytest.mark.parametrize("seconds", [None, 600])
def test_nothing_trains_longer_than_the_person_says(seconds):
    plan = make_plan(seconds, 5, 5.0, DIGITS, epochs=3)
    assert plan.final_epochs == 3 and plan.proxy_epochs <= 3


def test_what_a_forecast_kept_for_nothing_goes_into_the_final_training():
    limited, unlimited = make_plan(600, None, 5.0, DIGITS), make_plan(None, 5, 5.0, DIGITS)
    assert limited.final_epochs == FINAL_SLACK * FINAL_EPOCHS and unlimited.final_epochs == FINAL_EPOCHS
    needed = SEARCHED_COST * FINAL_SLACK * FINAL_EPOCHS * DIGITS.steps_per_epoch * DIGITS.step_seconds
    assert limited.final_end - limited.search_end == pytest.approx(needed)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("seconds", [None, 40, 600])
def test_where_weights_come_from_changes_the_search_alone(weights, seconds):
    plan, own = make_plan(seconds, 5, 5.0, FASHION, weights=weights), make_plan(seconds, 5, 5.0, FASHION)
    assert plan.weights == weights and Plan.from_dict(plan.to_dict()) == plan
    assert plan.final_epochs == own.final_epochs and plan.searching == own.searching
    assert plan.forecast_trials <= 5 and all(line.strip() for line in lines_of(plan))


def test_a_plan_of_an_older_log_means_weights_of_each_trials_own():
    old = {
        name: value
        for name, value in make_plan(600, None, 5.0, FASHION).to_dict().items()
        if not name.startswith(("weights", "bank"))
    }
    assert Plan.from_dict(old).weights == OWN


@pytest.mark.parametrize("speed", [FASHION, DIGITS, dataclasses.replace(FASHION, example_seconds=0.001)])
def test_most_of_the_search_trains_the_bank_and_the_rest_looks_networks_up(speed):
    plan = make_plan(600, None, 5.0, speed, weights=SHARED)
    search = plan.search_end - 5.0
    assert 0.7 <= plan.bank_share <= MOST_OF_BANK
    assert (
        plan.forecast_trials * plan.trial_seconds <= 0.3 * search + 1e-6 and 1 <= plan.forecast_trials <= SHARED_TRIALS
    )
    assert plan.bank_epochs > 0 and math.isfinite(plan.bank_epochs)
    assert "share" in lines_of(plan)[0]


def test_weights_that_would_not_see_all_examples_once_are_not_shared():
    slow = dataclasses.replace(FASHION, step_seconds=1.0)  # seven minutes an epoch
    short, long = (make_plan(seconds, None, 5.0, slow, weights=SHARED) for seconds in (600, 3600))
    assert long.searching and not short.searching
    assert "they must see all examples once at least" in lines_of(short)[0]


@pytest.mark.parametrize("speed", [FASHION, DIGITS])
@pytest.mark.parametrize("seconds", [None, 60, 600, 7200])
def test_left_to_the_plan_each_trial_is_trained_from_scratch(speed, seconds):
    """Nothing that was measured beats it; see benchmarks/weights.py and docs/how-to/share-weights.md."""
    assert make_plan(seconds, 24, 5.0, speed, weights=AUTO) == make_plan(seconds, 24, 5.0, speed, weights=OWN)


def test_nobody_trains_a_bank_longer_than_the_person_says():
    for seconds in (None, 600):
        assert make_plan(seconds, 5, 5.0, FASHION, epochs=3, weights=SHARED).bank_epochs == 3
