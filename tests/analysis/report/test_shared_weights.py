from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from archsmith.analysis.report import network
from archsmith.analysis.report.shared_weights import (
    MOST_POINTS,
    TOP,
    Derived,
    Learning,
    SharedWeights,
    _drawn,
    drawings,
    shared_weights_of,
)
from archsmith.analysis.study import read_study
from archsmith.analysis.wording import NB

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
OTHERS = {
    "node1/from0": "nor_conv_3x3",
    "node2/from0": "none",
    "node2/from1": "nor_conv_1x1",
    "node3/from0": "skip_connect",
    "node3/from1": "none",
}
CELLS: list[dict[str, Any]] = [{**OTHERS, "node3/from2": last} for last in OPERATIONS]
NOTES: dict[str, Any] = {"epochs": 4.0, "steps": 40, "seconds": 80.0, "keys": 12, "params": 34_500}
REPORTS: list[tuple[float, dict[str, Any]]] = [
    (float(i), {"train_loss": 2.0 / i, "epochs": 4.0, "seconds": 10.0 * i}) for i in range(1, 5)
]
SHARED = {"type": "archsmith.oneshot.evaluator:SharedWeightsEvaluator", "args": {"sampler": "controller"}}
CACHED = {"type": "cached", "args": {"evaluator": SHARED}}
TRAINING: dict[str, Any] = {"type": "training", "args": {}}
PROXIES: dict[str, Any] = {"type": "proxies", "args": {}}


def cascade(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    return {"type": "cascade", "args": {"first": first, "second": second}}


def turns(n: int) -> list[tuple[float, dict[str, Any]]]:
    """What ``n`` epochs report, each twice: when its weights are trained, with what the controller said last, and after
    the controller's turn.
    """
    reports, said = [], {}
    for i in range(1, n + 1):
        weights = {"train_loss": 2.0 / i, "epochs": float(n), "seconds": 10.0 * i}
        reports.append((float(i), {**weights, **said}))
        said = {
            "reward": 0.1 * i,
            "baseline": 0.08 * i,
            "entropy": math.log(5 - i),
            "best_reward": 0.2,
            "best": json.dumps(CELLS[i % 5]),
        }
        reports.append((float(i), {**weights, **said}))
    return reports


def rows(*scores: float) -> dict[str, Any]:
    return {**NOTES, "derived": [{"architecture": CELLS[i], "score": score} for i, score in enumerate(scores)]}


def trial(rank: int, accuracy: float | None) -> tuple[dict[str, Any], dict[str, float] | None, dict[str, Any]]:
    metrics = None if accuracy is None else {"accuracy": accuracy, "params": 1000.0}
    return CELLS[rank], metrics, {"operator": "derived", "rank": rank, "score": 0.5}


def told(folder: Path) -> SharedWeights:
    found = shared_weights_of(read_study(folder))
    assert found is not None
    return found


def learning(folder: Path) -> Learning:
    found = told(folder).learning
    assert found is not None
    return found


def derived(folder: Path) -> Derived:
    found = told(folder).derived
    assert found is not None
    return found


# How the weights were trained


def test_what_was_trained_and_how_long_it_took(prepared: Any) -> None:
    found = told(prepared(REPORTS, NOTES, sampler="uniform"))
    assert found.losses == ((1.0, 2.0), (2.0, 1.0), (3.0, pytest.approx(2 / 3)), (4.0, 0.5))
    text = found.lead.replace(NB, " ")
    assert (
        "34.5 k numbers in 12 pieces" in text
        and "for 4 epochs (rounds through all training examples) in 1 min 20 s" in text
    )
    assert "The networks were drawn by chance." in text and text.endswith("went from 2 to 0.5; lower is better.")
    assert found.learning is None and found.derived is None and found.favourite is None


def test_another_study_may_have_trained_them(prepared: Any) -> None:
    text = told(prepared(REPORTS, {**NOTES, "elsewhere": True}, sampler="uniform")).lead.replace(NB, " ")
    assert "in 1 min 20 s, by another study that uses the same folder. Every step" in text


def test_one_that_was_cut_off_says_how_far_it_came(prepared: Any) -> None:
    found = told(prepared(turns(4)[:5]))
    text = found.lead.replace(NB, " ")
    assert (
        "was cut off after 30 s. 3 of 4 epochs (rounds through all training examples) are done." in text
        and "trained for" not in text
    )
    assert found.derived is None and found.learning is not None and len(found.losses) == 3


def test_one_that_goes_on_says_how_long_it_takes(prepared: Any) -> None:
    study = read_study(prepared([(1.0, {"train_loss": 2.0, "epochs": 4.0, "seconds": 10.0, "seconds_left": 31.0})]))
    study.running = True
    found = shared_weights_of(study)
    assert found is not None
    assert found.lead.replace(NB, " ").endswith(
        "is still running after 10 s. 1 of 4 epochs (rounds through all training examples) are done, and about 31 s "
        "are left."
    )


@pytest.mark.parametrize(
    ("evaluator", "notes"),
    [
        ({"type": "nasbench201", "args": {}}, {}),
        ({"type": "table", "args": {}}, {"rows": 15625}),
        (PROXIES, {"batch_size": 64}),
        (cascade(PROXIES, TRAINING), {"batch_size": 64, "screened_at": 0.5, "sampled": 20}),
        ({"type": "mine:Evaluator", "args": None}, {"derived": "yes", "params": 3}),
    ],
)
def test_evaluators_that_prepare_something_else_have_no_part(
    prepared: Any, evaluator: dict[str, Any], notes: dict[str, Any]
) -> None:
    assert shared_weights_of(read_study(prepared(REPORTS, notes, evaluator=evaluator))) is None


def test_nothing_is_said_before_the_first_step(prepared: Any) -> None:
    assert shared_weights_of(read_study(prepared([(0.0, {"epochs": 4.0, "seconds": 1.0})]))) is None


def test_shared_weights_are_found_inside_wrappers(prepared: Any) -> None:
    for evaluator in (CACHED, cascade(SHARED, TRAINING), cascade(PROXIES, CACHED)):
        assert "A controller drew the networks." in told(prepared(REPORTS, NOTES, evaluator=evaluator)).lead


def test_long_preparations_are_thinned_out_and_keep_their_ends(prepared: Any) -> None:
    losses = told(prepared([(i / 7, {"train_loss": 1.0 + i}) for i in range(1000)], NOTES)).losses
    assert len(losses) <= MOST_POINTS + 1 and losses[0] == (0.0, 1.0) and losses[-1] == (999 / 7, 1000.0)
    assert [step for step, _ in losses] == sorted({step for step, _ in losses})


# The controller


def test_each_turn_of_the_controller_is_one_point_at_its_epoch(prepared: Any) -> None:
    found = learning(prepared([*turns(3), (3.5, {**turns(3)[-1][1], "train_loss": 0.6})], NOTES))
    # at 3.5 the last turn is only told again
    assert found.rewards == tuple((float(i), pytest.approx(0.1 * i)) for i in (1, 2, 3))
    assert found.baselines[-1] == (3.0, pytest.approx(0.24))
    text = found.lead.replace(NB, " ")
    assert "The moving average of these scores went from 8 % to 24 %" in text
    assert "a choice between 4 equally likely options" in text


def test_rewards_are_in_the_units_of_the_task(prepared: Any) -> None:
    folder = prepared(turns(3), NOTES, task="numbers")
    assert told(folder).measure == "r2" and "went from 0.0800 to 0.2400" in learning(folder).lead


def test_curves_are_drawn_in_both_sizes(prepared: Any) -> None:
    study = read_study(prepared(turns(4), NOTES))
    drawn = drawings(study, told(study.folder))
    for html, n in ((drawn["rewards"], 4), (drawn["entropy"], 0)):
        pictures = [picture for picture in ElementTree.fromstring(html) if picture.tag.endswith("svg")]
        assert [sum(element.tag.endswith("circle") for element in picture.iter()) for picture in pictures] == [n, n]
        assert all(sum("line" in element.get("class", "") for element in picture.iter()) == 1 for picture in pictures)


# What was derived


def test_derived_networks_and_what_they_scored_as_trials(prepared: Any) -> None:
    found = derived(prepared(turns(2), rows(0.6, 0.55, 0.5), [trial(0, 0.58), trial(1, 0.62), trial(2, None)]))
    assert [(row.place, row.score, row.trial, row.value) for row in found.candidates] == [
        (1, 0.6, 0, 0.58),
        (2, 0.55, 1, 0.62),
        (3, 0.5, 2, None),
    ]
    text = found.lead.replace(NB, " ")
    assert "After the training networks were drawn and scored with" in text and "The 3 best were kept" in text
    assert "Trials looked at 2 of these more closely, and number 2 came out best." in text
    assert "the same shared weights on all validation examples" in found.looked


@pytest.mark.parametrize(
    ("notes", "said"),
    [
        ({"drawn": 7, "scored": 7}, "7 networks were drawn and scored with the shared weights. The 2 best"),
        ({"drawn": 50, "scored": 30}, "50 networks were drawn and scored with the shared weights, equal ones once: 30"),
    ],
)
def test_it_says_how_many_were_scored_whatever_was_meant_to_be(prepared: Any, notes: dict[str, int], said: str) -> None:
    assert said in derived(prepared(REPORTS, {**rows(0.6, 0.5), **notes}, candidates=100)).lead.replace(NB, " ")


def test_first_looks_are_told_in_the_metric_that_the_preparation_names(prepared: Any) -> None:
    measured = {"accuracy": 0.9, "balanced_accuracy": 0.7}
    tried = [(CELLS[0], measured, {"operator": "derived", "rank": 0})]
    found = told(prepared(turns(2), {**rows(0.6), "measure": "balanced_accuracy"}, tried, task=None))
    assert found.derived is not None and found.measure == "balanced_accuracy"
    assert found.derived.candidates[0].value == 0.7
    reports = [(step, {**metrics, "measure": "balanced_accuracy"}) for step, metrics in turns(2)]
    assert told(prepared(reports, task=None)).measure == "balanced_accuracy"  # one that was cut off


def test_a_first_look_that_is_confirmed(prepared: Any) -> None:
    assert (
        "all of these more closely, and the first one stayed the best."
        in derived(prepared([], rows(0.6, 0.5), [trial(0, 0.6), trial(1, 0.5)])).lead
    )


def test_untried_ones_have_first_looks_alone(prepared: Any) -> None:
    found = derived(prepared(turns(2), rows(0.6, 0.5)))
    assert [(row.trial, row.value) for row in found.candidates] == [(None, None)] * 2
    assert "Trials" not in found.lead and "trial" not in found.looked


def test_what_another_strategy_tried_is_recognised(prepared: Any) -> None:
    found = derived(prepared([], rows(0.6, 0.5), [(CELLS[1], {"accuracy": 0.7}, {"operator": "mutate"})]))
    assert [(row.trial, row.value) for row in found.candidates] == [(None, None), (0, 0.7)]


def test_trials_that_look_at_a_part_say_so(prepared: Any) -> None:
    found = derived(prepared([], rows(0.6), [trial(0, 0.5)], n_eval=3))
    assert "on 3 batches of validation examples" in found.looked.replace(NB, " ")


def test_trials_of_another_evaluator_are_not_called_shared(prepared: Any) -> None:
    found = derived(prepared([], rows(0.6), [trial(0, 0.9)], evaluator=cascade(SHARED, TRAINING)))
    assert found.looked.endswith("A trial is scored without shared weights.")


def test_long_tables_are_cut(prepared: Any) -> None:
    notes = {**NOTES, "derived": [{"architecture": {"a": i}, "score": 1 - i / 100} for i in range(25)]}
    found = derived(prepared([], notes))
    assert len(found.candidates) == TOP and found.n_left_out == 15 and "The 25 best were kept" in found.lead


@pytest.mark.parametrize(
    "rows",
    [
        "many",
        3,
        [3],
        [{"architecture": 3, "score": 0.5}],
        [{"architecture": {"a": 1}}],
        [{"architecture": {"a": [1]}, "score": 1}],
    ],
)
def test_notes_of_another_form_are_no_derived_networks(prepared: Any, rows: Any) -> None:
    assert told(prepared(REPORTS, {**NOTES, "derived": rows})).derived is None


# Its drawing


def test_the_best_derived_network_is_drawn_where_no_trial_is(prepared: Any) -> None:
    favourite = told(prepared(turns(2), rows(0.6, 0.5))).favourite
    assert (
        favourite is not None
        and favourite.name == "the best derived network (number 1)"
        and favourite.graph is not None
    )


def test_a_network_that_the_page_draws_anyway_is_not_drawn_twice(prepared: Any) -> None:
    favourite = told(prepared(turns(2), rows(0.6, 0.5), [trial(0, 0.5), trial(1, 0.7)])).favourite
    assert favourite is not None and favourite.name == "the best derived network (number 2)" and favourite.graph is None


def test_of_a_study_that_was_cut_off_the_last_good_sample_is_drawn(prepared: Any) -> None:
    favourite = told(prepared(turns(3))).favourite
    assert favourite is not None and favourite.graph is not None
    text = network.drawn(favourite.graph, "favourite")["favourite-part0"]
    assert CELLS[3]["node3/from2"] == "nor_conv_3x3" and text.count("conv 3×3") == 2


def test_a_cell_of_few_operations_is_drawn_too(prepared: Any) -> None:
    bare = {path: "avg_pool_3x3" if path == "node3/from0" else "none" for path in CELLS[0]}
    favourite = told(prepared([], {**NOTES, "derived": [{"architecture": bare, "score": 0.1}]})).favourite
    assert favourite is not None and favourite.graph is not None
    assert [part.title.split(" (")[0] for part in favourite.inside] == ["Cell", "Reduction block"]


def test_a_space_that_is_not_there_costs_only_the_drawing(prepared: Any) -> None:
    found = told(prepared(turns(2), rows(0.6, 0.5), space="no_such_space"))
    assert found.favourite is None and found.derived is not None


def test_a_sample_that_cannot_be_read_costs_only_the_drawing(prepared: Any) -> None:
    found = told(prepared([(1.0, {"train_loss": 2.0, "reward": 0.1, "best": "{no json"})]))
    assert found.favourite is None and found.learning is not None


def test_of_a_front_the_page_draws_the_knee_and_not_the_best_of_the_first_objective(prepared: Any) -> None:
    tried = [trial(0, 0.9), trial(1, 0.8), trial(2, 0.1)]
    for (_, metrics, _), params in zip(tried, (9.0, 2.0, 1.0), strict=True):
        metrics["params"] = params
    study = read_study(prepared(turns(2), rows(0.6, 0.5), tried, objectives=[("accuracy", True), ("params", False)]))
    assert study.view.representative is study.history.trials[1] and study.best is study.history.trials[0]
    assert _drawn(study) == study.history.trials[1].architecture
