"""What a person is told of a plan before it starts."""

import dataclasses

import pytest

from archsmith.automl.plan import INHERITED, LEAST_TRAINING, OWN, SHARED, Speed, make_plan
from archsmith.automl.plan_words import lines_of

SPEED = Speed(step_seconds=0.05, batch_size=128, n_train=12_800, n_valid=1_000, n_test=1_000, example_seconds=1e-4)
SLOW = dataclasses.replace(SPEED, cost=40.0)  # two seconds a step


def line(*budget, speed=SPEED, **options):
    return " ".join(lines_of(make_plan(*budget, 5.0, speed, **options)))


def test_the_number_of_trials_is_forecast():
    plan = make_plan(600, None, 5.0, SPEED, anchors=8)
    told = " ".join(lines_of(plan))
    assert f"There is time for about {round(plan.forecast_trials)} trials. The first network trains for about" in told
    most = plan.final_end - plan.elapsed - plan.trial_seconds  # of the others nobody knows whether they follow
    assert f"The best network then trains for what is left, at most {most:.0f} s; then come" in told
    assert "; others may follow, and the search may end before its time is over. The best" in told  # in a race or not
    assert "others" in told and "others" not in line(600, 1)


def test_what_is_too_short_says_how_long_one_training_takes_and_what_would_be_enough():
    told = line(60, None, speed=SLOW, asked=True)
    assert "The shortest training of a network of this space takes about 2:48 here." in told
    assert "A budget of 10:00 would be enough." in told
    assert make_plan(600, None, 5.0, SLOW, asked=True).searching


def test_a_fast_space_has_no_slow_training_to_speak_of():
    told = line(10, None, speed=dataclasses.replace(SPEED, step_seconds=0.01))
    assert "too short for a search" in told and "shortest training" not in told


def test_a_space_whose_networks_cannot_be_trained_is_no_matter_of_time():
    told = line(60, None, failure="None of 7 networks of this space can be trained: no memory.")
    assert told.startswith("There is no search. None of 7 networks of this space can be trained: no memory. The final")
    assert "budget" not in told


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (OWN, "at most 100 epochs. It may end sooner where"),
        (INHERITED, "if it inherits"),
        (SHARED, "All trials share weights, which train for"),
    ],
)
def test_without_a_clock_epochs_are_told(weights, words):
    told = line(None, 5, weights=weights)
    assert words in told and "A final training has at most 100 epochs. It may end sooner where it no longer" in told
    assert ("pretrained" in told) == (weights != SHARED)


def test_a_race_without_a_clock_promises_no_number_of_epochs():
    told = line(None, 5)
    assert "Every trial" not in told and told.startswith("A network is first tried for about")
    assert "hand-made" not in told  # not every space begins with that one, or counts in its epochs


def test_shared_weights_are_told_with_what_would_be_enough():
    assert "architectures are then scored" in line(600, None, weights=SHARED)
    told = line(60, None, weights=SHARED, speed=SLOW)
    assert "they must see all examples once at least" in told and "would be enough" in told


def test_a_study_that_was_given_more_is_told_what_is_left():
    plan = make_plan(600, None, 100.0, SPEED, begun=20.0)
    (line,) = lines_of(plan, extended=True)
    assert "more trial" in line and f"for at most {plan.search_end - 100:.0f} s" in line
    assert f"what is left, at most {plan.final_end - 100:.0f} s" in line
    short = make_plan(60, None, 45.0, SLOW)
    (line,) = lines_of(short, extended=True)
    assert "on the whole study, with what is spent, would be enough" in line
    assert "whole study" not in lines_of(short)[0]


def test_a_study_that_goes_on_is_told_what_is_left_of_its_plan():
    plan = make_plan(120, None, 20.0, SPEED)
    (line,) = lines_of(plan, spent=37.0)
    assert f"goes on for at most {plan.search_end - 37:.0f} s" in line
    assert f"at most {plan.final_end - 37:.0f} s; then come {plan.reserve_seconds:.0f} s" in line
    assert plan.final_end - 37 + plan.reserve_seconds == pytest.approx(120 - 37)
    assert "The time for the search is over. The best network" in lines_of(plan, spent=plan.search_end)[0]
    (alone,) = lines_of(make_plan(60, None, 5.0, SLOW), spent=10.0)
    assert "The final training then goes on for what is left, at most" in alone and "search" not in alone


def test_one_is_told_as_one():
    plan = dataclasses.replace(make_plan(600, None, 5.0, SPEED, weights=SHARED), forecast_trials=1.3)
    assert "about 1 architecture is then scored" in lines_of(plan)[0]
    plan = dataclasses.replace(make_plan(None, 5, 5.0, SPEED), proxy_epochs=1.02)
    assert "for about 1 epoch, perhaps" in lines_of(plan)[0]


def test_one_network_is_promised_what_it_gets_at_least():
    (line,) = lines_of(dataclasses.replace(make_plan(60, None, 55.0, SLOW), search_end=58.0, final_end=59.0))
    assert "The final training takes at most 3 s; then come" in line


def test_no_rest_of_0_seconds_is_promised():
    plan = make_plan(600, 1, 5.0, SPEED)
    plan = dataclasses.replace(plan, trial_seconds=1e4, final_end=plan.search_end)
    assert f"what is left, at most {LEAST_TRAINING:.0f} s; then" in " ".join(lines_of(plan))
