"""Who was made from whom."""

from __future__ import annotations

import re
from typing import Any

from archsmith.app.house import House
from archsmith.app.lineage import lineage_of
from archsmith.core.architecture import Architecture
from archsmith.core.records import Finished, Proposed, ProposedTrial
from archsmith.core.trial import Outcome, Trial
from archsmith.runtime.study_view import StudyView


def view_of(*rows: tuple[tuple[int, ...], float | None, dict[str, int]]) -> StudyView:
    """A study of trials: parents, score (None: failed) and decisions."""
    view = StudyView("family")
    for i, (parents, value, decisions) in enumerate(rows):
        failed = Outcome.failure(ValueError("no"))
        outcome = failed if value is None else Outcome.success({"score": value})
        losses = None if value is None else (-value,)
        trial = Trial(i, Architecture(decisions), 1.0, parents, {"operator": "mutate"}, outcome, losses)
        list.append(view.history.trials, trial)
        list.append(view.history.finished, trial)
        if trial.ok:
            view.history._best[1.0] = min((view.history._best.get(1.0, trial), trial), key=lambda t: t.loss)
    return view


def test_the_way_leads_from_the_founder_to_the_best() -> None:
    found = lineage_of(
        view_of(
            ((), 0.5, {"a": 1, "b": 1}),
            ((), 0.4, {"a": 9, "b": 9}),
            ((0,), 0.6, {"a": 2, "b": 1}),
            ((2,), 0.55, {"a": 2, "b": 3}),
            ((3,), 0.9, {"a": 2, "b": 4, "c": 1}),
        )
    )
    assert found is not None
    assert [step.trial for step in found.path] == [0, 2, 3, 4]
    assert [step.better for step in found.path] == [None, True, False, True]
    last = {change.name: (change.before, change.after) for change in found.path[-1].changes}
    assert last == {"b": ("3", "4"), "c": (None, "1")}
    assert "trial 4, goes back to trial 0 in 3\u00a0steps" in found.lead


def test_families_are_told_with_their_best() -> None:
    found = lineage_of(view_of(((), 0.5, {"a": 1}), ((), None, {"a": 2}), ((0,), 0.7, {"a": 3}), ((0,), 0.6, {"a": 4})))
    assert found is not None and found.n_families == 2
    first, second = found.families
    assert (first.founder, first.n_members, first.best) == (0, 3, 2)
    assert (second.founder, second.best, second.score) == (1, None, "–")


def test_of_a_pool_all_scores_count(view_of: Any, tried: Any) -> None:
    further = Proposed((ProposedTrial(3, {"x": 2}, 2.0, (2,)),))
    fallen = Finished(3, Outcome.success({"accuracy": 0.7}, 1.0))
    equal = tried(4, 0.9, x=3, fidelity=9.0)
    view = view_of(tried(0, 0.5), tried(1, None, x=9), tried(2, 0.9, x=2, parents=(0,)), further, fallen, equal)
    found = lineage_of(view)
    assert found is not None and "The best one, trial 2," in found.lead
    further = "1\u00a0trial was made from an earlier one, and 1\u00a0trial goes on from an earlier one."
    assert found.lead.startswith(further)
    assert [(family.founder, family.best, family.score) for family in found.families] == [
        (0, 2, "90\u00a0%"),
        (1, None, "–"),
        (4, 4, "90\u00a0%"),
    ]
    assert "trial 3" in found.chart
    assert found.note.endswith("Trials without a score or outside the limits are left out.")


def test_of_two_parents_the_closer_one_is_followed() -> None:
    found = lineage_of(
        view_of(
            ((), 0.5, {"a": 1, "b": 1, "c": 1}),
            ((), 0.6, {"a": 2, "b": 2, "c": 2}),
            ((1, 0), 0.9, {"a": 1, "b": 1, "c": 2}),
        )
    )
    assert found is not None and [step.trial for step in found.path] == [0, 2]


def test_a_search_without_parents_has_no_lineage() -> None:
    assert lineage_of(view_of(((), 0.5, {"a": 1}), ((), 0.6, {"a": 2}))) is None


def test_a_long_search_is_thinned_in_its_chart_only() -> None:
    rows = [((i - 1,) if i else (), 0.5 + i / 10_000, {"a": i}) for i in range(700)]
    found = lineage_of(view_of(*rows))
    assert found is not None and found.path[-1].trial == 699 and len(found.path) == 200
    assert found.chart.count("<circle") <= 2 * 700 and 'role="img"' in found.chart


def test_a_real_evolution_has_one(house: House, evolved: str) -> None:
    found = house.networks.lineage(evolved)
    assert found is not None and found.path and "<svg" in found.chart


def test_trials_are_counted_in_whole_numbers() -> None:
    rows = [((i - 1,) if i else (), 0.5 + i / 10, {"a": i}) for i in range(4)]
    found = lineage_of(view_of(*rows))
    assert found is not None
    for svg in found.chart.split("<svg")[1:]:
        counts = re.findall(r'text-anchor="middle">(\d+)<', svg)
        assert counts == sorted(set(counts)) == ["0", "1", "2", "3"]


def test_trainings_that_go_on_are_no_networks_that_were_made_from_another() -> None:
    found = lineage_of(view_of(((), 0.5, {"a": 1}), ((0,), 0.6, {"a": 1}), ((1,), 0.7, {"a": 1})))
    assert found is not None and found.lead.startswith(
        "2\u00a0trials go on from an earlier one. The best one, trial 2,"
    )
    assert "to those that were made from it or go on from it" in found.note


def test_trials_outside_the_limits_are_left_out_although_they_have_a_score() -> None:
    view = view_of(((), 0.5, {"a": 1}), ((0,), 0.6, {"a": 2}), ((), 0.1, {"a": 3}))
    view.history.trials[2].feasible = False
    found = lineage_of(view)
    assert found is not None and found.note.endswith("Trials without a score or outside the limits are left out.")


def test_with_several_objectives_the_best_is_that_of_the_first(view_of: Any, tried: Any) -> None:
    objectives = [["accuracy", True], ["params", False]]
    problem = {"objectives": objectives, "constraints": [], "fidelity": ["epochs", 1.0, 9.0]}
    trials = tried(0, 0.5, metrics={"params": 10}), tried(1, 0.9, x=2, parents=(0,), metrics={"params": 90})
    found = lineage_of(view_of(*trials, problem=problem, job=False))
    assert found is not None and found.by == " by accuracy"
    assert "The best one by accuracy, trial 1, goes back" in found.lead
    assert "the way to the best by accuracy." in found.note


def test_accuracies_of_a_study_are_all_shares_or_all_in_percent(view_of: Any, tried: Any) -> None:
    problem = {"objectives": [["accuracy", True]], "constraints": [], "fidelity": ["epochs", 1.0, 9.0]}
    trials = tried(0, 1.0), tried(1, 93.0, x=2, parents=(0,)), tried(2, 0.5, x=3, parents=(0,))
    found = lineage_of(view_of(*trials, problem=problem, job=False))
    assert found is not None
    assert [step.score for step in found.path] == ["1", "93"]
    assert "trial 2: 0.5000</title>" in found.chart
