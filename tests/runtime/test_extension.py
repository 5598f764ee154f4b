"""A study that goes on: its limits, whatever it has spent."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsmith.core.budget import Budget
from archsmith.core.errors import UsageError
from archsmith.runtime.extension import JOB_SECONDS, Standing

seconds = st.floats(1.0, 1e5).map(round).map(float)
counts = st.integers(1, 1000)


def standing(before, spent=30.0, n=5, **more):
    return Standing("photos-1", before, spent, n, **{"least": JOB_SECONDS, **more})


@given(st.none() | seconds, st.floats(0.0, 1e5), seconds)
def test_more_time_is_more_than_the_limit_and_more_than_what_is_spent(before, spent, more):
    now = standing(Budget(before, 10), spent).limits(f"+{more:.0f}s").seconds
    assert now == math.ceil(max(before or 0.0, spent) + more)
    then = standing(Budget(now, 10), spent).limits("+60s").seconds
    assert then == now + 60.0  # what is given twice is added twice


@given(st.none() | counts, st.integers(0, 1000), counts)
def test_more_trials_likewise(before, begun, more):
    now = standing(Budget(60.0, before), n=begun).limits(trials=f"+{more}").trials
    assert now == max(before or 0, begun) + more


def test_a_limit_without_a_plus_is_one_on_the_whole_study():
    assert standing(Budget(60.0, 10)).limits("5m", "20") == Budget(300.0, 20)
    assert standing(Budget(60.0, 10)).limits() == Budget(60.0, 10)


@pytest.mark.parametrize(
    ("reason", "time", "trials", "now"),
    [
        ("seconds", None, "+5", Budget(None, 15)),
        ("trials", "+1m", None, Budget(120.0, None)),
        ("settled", "+1m", None, Budget(120.0, 10)),
        ("settled", None, "+5", Budget(60.0, 15)),
    ],
)
def test_the_limit_that_ended_it_gives_way_to_the_other(reason, time, trials, now):
    assert standing(Budget(60.0, 10), reason=reason).limits(time, trials) == now


def test_a_limit_that_leaves_nothing_gives_way_whatever_ended_the_study():
    assert standing(Budget(35.0, 10), reason="settled").limits(None, "+5") == Budget(None, 15)
    assert standing(Budget(60.0, 5), reason="settled").limits("+1m") == Budget(120.0, None)


@pytest.mark.parametrize("text", ["+", "+-5s", "x", "+0s", "++20s"])
def test_what_is_no_length_of_time_is_refused(text):
    with pytest.raises(UsageError, match="length of time"):
        standing(Budget(60.0)).limits(text)


@pytest.mark.parametrize("text", ["+", "-5", "+0", "0", "2.5", "++3", "9" * 30])
def test_what_is_no_number_of_trials_is_refused(text):
    with pytest.raises(UsageError, match="number of trials"):
        standing(Budget(60.0)).limits(trials=text)


@pytest.mark.parametrize(
    ("before", "now", "said", "hint"),
    [
        (Budget(60.0), Budget(60.0), "is finished", "--time +10m"),
        (Budget(None, 5), Budget(None, 5), "is finished", "--trials +10"),
        (
            Budget(60.0),
            Budget(20.0),
            "A limit of 0:20 on the whole study leaves nothing: 0:30 are spent",
            "--time +10m",
        ),
        (Budget(60.0), Budget(35.0), "leaves 0:05, too little", "--time +20s"),
        (Budget(None, 5), Budget(None, 4), "A limit of 4 trials on the whole study leaves none: it has had 5", "+10"),
    ],
)
def test_what_leaves_nothing_to_do_is_refused(before, now, said, hint):
    with pytest.raises(UsageError) as caught:
        standing(before, done=True, reason="seconds").refuse_idle(now)
    assert said in caught.value.message and hint in caught.value.hint


@pytest.mark.parametrize(("began", "said"), [({}, "start a new search"), ({"fit": {"plan": {}}}, "--trials +10")])
def test_more_is_of_no_use_to_a_search_that_has_nothing_more_to_propose(began, said):
    with pytest.raises(UsageError, match="is finished") as caught:
        standing(Budget(None, 9), n=6, done=True, reason="exhausted", began=began).refuse_idle(Budget(None, 9))
    assert said in caught.value.hint and ("studies resume" in caught.value.hint) == bool(began)


def test_fewer_trials_than_were_begun_are_refused_of_what_was_cut_off_too():
    with pytest.raises(UsageError, match="A limit of 4 trials on the whole study leaves none: it has had 5"):
        standing(Budget(None, 40)).refuse_idle(Budget(None, 4))
    standing(Budget(None, 40)).refuse_idle(Budget(None, 5))  # what was begun comes to its end


def test_what_was_cut_off_goes_on_as_it_was():
    standing(Budget(32.0)).refuse_idle(Budget(32.0))
    standing(Budget(20.0)).refuse_idle(Budget(20.0))  # all of it is spent, and the bundle is not written
    standing(Budget(60.0, 5)).refuse_idle(Budget(60.0, 5))


def test_the_limit_is_told_in_words():
    assert standing(Budget(60.0)).told(Budget(60.0)) == (
        "The study goes on. Its limit is 1:00 in all (0:30 are spent, 0:30 are left)."
    )
    assert "(0:38 are spent, 0:22 are left)" in standing(Budget(60.0)).told(Budget(60.0), since=8.0)
    assert standing(Budget(60.0)).told(Budget(None, 12)) == (
        "The study goes on. Its limit is now 12 trials in all (5 were begun). The limit on time that it had no longer "
        "holds."
    )
    assert standing(Budget(None, 3), n=1).told(Budget(None, 12)).endswith("12 trials in all (1 was begun).")


def test_what_only_its_own_program_can_rebuild_is_given_more_there():
    with pytest.raises(UsageError) as caught:
        standing(Budget(None, 5), done=True, began={"space": {"type": "__main__:Mine"}}).refuse_idle(Budget(None, 5))
    assert caught.value.hint == "Give it more in the Python program that began it."
