from __future__ import annotations

from dataclasses import replace

import numpy as np

from archsmith.analysis.comparison.notes import notes
from archsmith.runtime.comparison import Look, Plan, Run

SPEC = {"type": "toy_flat", "args": {}}
PROBLEM = {"objectives": [["accuracy", True]], "constraints": [], "fidelity": ["epochs", 1, 1]}
PLAN = Plan("made up", SPEC, SPEC, PROBLEM, {"random": SPEC}, ("accuracy",), 3, trials=10)
RUNS = [Run("random", seed, 10, 0, 600.0, 0.5, "trials", (), (), proposals=str(seed)) for seed in range(3)]


def said(plan: Plan = PLAN, runs: list[Run] = RUNS, *looks: Look, once: bool = False) -> list[str]:
    return notes(plan, {"random": runs}, {"random": np.ones(len(runs))}, {"random"} if once else set(), looks)


def seeded(seed: int | None) -> Plan:
    return replace(PLAN, strategies={"random": {"type": "toy", "args": {"seed": seed}}})


def test_nothing_is_said_where_nothing_is_amiss() -> None:
    assert said() == []


def test_a_number_of_runs_that_was_changed_after_a_look_is_told() -> None:
    assert not said(PLAN, RUNS, Look(0.0, 3))
    (note,) = said(PLAN, RUNS, Look(0.0, 1), Look(86400.0, 2), Look(90000.0, 3))
    assert "were shown with 1 and 2 runs before (first on 1970-01-01), now with 3" in note
    assert "--seed 1000," in note
    (once,) = said(PLAN, RUNS, Look(0.0, 1))
    assert "were shown with 1 run before" in once
    (fewer,) = said(replace(PLAN, seed=990), RUNS, Look(0.0, 20))
    assert "shown with 20 runs before" in fewer
    assert "--seed 10000," in fewer  # seeds 990 to 1009 were looked at


def test_a_strategy_with_a_seed_of_its_own_is_told() -> None:
    assert "random draws from a seed of its own (7) in all 3 runs" in said(seeded(7))[0]
    assert not said(seeded(None))
    assert said(seeded(7), RUNS[:1]) == [
        "Only 1 of 3 seeds have been run by every strategy so far. The others are left out."
    ]


def test_runs_that_count_once_are_told_with_the_reason_if_it_is_known() -> None:
    (note,) = said(once=True)
    assert note.startswith("All 3 runs of random made the same proposals. They count as one run")
    (note,) = said(seeded(7), once=True)
    assert "since the strategy draws from a seed of its own (7)" in note


def test_many_failed_trials_are_told_with_what_most_of_them_said() -> None:
    bad = [replace(each, n_failed=1, error="no fidelity 3") for each in RUNS]
    assert not said(PLAN, bad)  # a tenth is nothing unusual
    worse = [replace(each, n_failed=4) for each in bad]
    assert said(PLAN, worse) == ["12 of 30 trials of random failed, at least 3 for this: no fidelity 3"]
    told = [replace(each, n_error=4) for each in worse]
    assert said(PLAN, told) == ["12 of 30 trials of random failed: no fidelity 3"]


def test_the_reason_of_most_trials_is_told_and_not_that_of_the_first_run() -> None:
    one, many = replace(RUNS[0], n_failed=1, error="Out of memory.", n_error=1), {"n_failed": 9, "n_error": 7}
    nan = [replace(run, error=f"The loss is NaN after {run.seed} steps.", **many) for run in RUNS[1:]]
    assert said(PLAN, [one, *nan]) == [
        "19 of 30 trials of random failed, at least 14 for this: The loss is NaN after 1 steps."
    ]


def test_runs_that_ended_early_are_told() -> None:
    ended = [replace(RUNS[0], reason="exhausted"), replace(RUNS[1], reason="failures"), RUNS[2]]
    assert said(PLAN, ended) == [
        "1 of 3 runs of random ended early: too many trials in a row failed.",
        "1 of 3 runs of random ended early: nothing more was proposed.",
    ]


def test_a_strategy_that_proposed_nothing_made_no_same_proposals() -> None:
    never = [replace(each, n_trials=0, reason="exhausted") for each in RUNS]
    assert said(PLAN, never, once=True)[0] == "random proposed nothing in all 3 runs."
    assert not any("same proposals" in note for note in said(PLAN, never, once=True))
