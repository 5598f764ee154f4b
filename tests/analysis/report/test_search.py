from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archsmith.analysis.report.kind import EXAMPLES
from archsmith.analysis.report.page import render
from archsmith.analysis.report.search import SECTION, _until, _when, drawings, progress_of, terms
from archsmith.analysis.report.summary import summary_of
from archsmith.analysis.study import read_study
from archsmith.analysis.wording import NB
from archsmith.core.budget import Budget
from archsmith.core.problem import Objective, Problem
from archsmith.runtime.search import Search
from archsmith.runtime.sqlite import SqliteStore
from archsmith.strategies.random import RandomSearch
from archsmith.testing.toys import Flat, ToyEvaluator


def test_a_best_trial_near_the_end_or_the_beginning_is_told(make: Any) -> None:
    study = read_study(make(n_trials=60))
    progress = progress_of(study)
    assert progress is not None and study.best is not None
    place = [trial.id for trial in study.history.finished].index(study.best.id) + 1
    assert ("near the end of the search" in progress.lead) == (place > 48)
    assert ("trials after it were not better" in progress.lead) == (1 < place < 30)
    assert [value for _, value in progress.incumbents] == sorted(value for _, value in progress.incumbents)


def test_near_the_end_is_so_by_number_and_by_time() -> None:
    steady, slow = [float(i) for i in range(40)], [float(i) for i in range(10)] + [12.0, 31.0]
    assert _when(38, steady) == " It came near the end of the search."
    assert _when(11, slow) == ""  # the eleventh of twelve, but at 12 of 31 seconds
    assert _when(38, steady, until=100.0) == ""  # the last trial was cut off
    assert _when(3, steady) == " The 37 trials after it were not better."
    late = [0.0, 30.0, 36.0] + [36.0 + i / 10 for i in range(1, 38)]
    assert _when(3, late) == ""  # the third of forty, but most of the time had passed
    assert "the very first one" in _when(1, steady, first=True) and "The 39 trials" in _when(1, steady)


def test_the_end_of_the_search_is_on_the_clock_of_its_trials(make: Any) -> None:
    study = read_study(make(n_trials=20))
    assert _until(study) == study.finished_at[19] == 41.0  # a second was over when it began
    assert _until(read_study(make(n_trials=20, finished=False))) == 0.0


def test_after_a_preparation_the_text_counts_from_its_end_and_the_chart_from_the_start(prepared: Any) -> None:
    trials = [({"depth": i}, {"accuracy": 0.5 + i / 10}, {}) for i in range(3)]
    folder = prepared([(1.0, {}), (2.0, {})], {}, trials)
    progress = progress_of(read_study(folder))
    assert progress is not None
    study = read_study(folder)
    assert [dot.seconds - study.prepared_at for dot in progress.dots] == [2.0, 4.0, 6.0]
    assert progress.seconds == study.spent == progress.dots[-1].seconds
    assert progress.lead.replace(NB, " ").startswith("3 networks were tried in 6 s.")


def test_the_trial_that_was_trained_is_named_where_it_is_not_the_best(make: Any) -> None:
    study = read_study(make())
    assert study.result is not None and study.best is not None
    (row,) = [row for row in study.result["rows"] if row.get("trial") is not None]
    for trial, said in (
        (study.best.id, "The best one was trained longer afterwards."),
        (study.best.id + 1, f"Trial {study.best.id + 1} was trained longer afterwards."),
    ):
        row["trial"] = trial
        progress = progress_of(study)
        assert progress is not None and said in progress.note


def test_where_no_trial_of_a_job_was_trained_in_full_none_is_said_to_be(make: Any) -> None:
    study = read_study(make(scores=(0.6, 0.7, None), n_trials=3))
    assert study.result is not None
    for row in study.result["rows"]:
        row["trial"] = None  # of a training that failed none is told
    progress = progress_of(study)
    assert progress is not None and progress.note.endswith("only to compare it.")
    study = read_study(make(n_trials=3, failed=(0, 1, 2)))
    progress = progress_of(study)
    assert progress is not None and "None of them ended with a score" in progress.lead
    assert progress.note.endswith("only to compare it.")


@pytest.mark.parametrize(
    ("strategy", "said"),
    [("race", "so forecasts decide who goes on, and"), ("asha", "Those with the best scores go on.")],
)
def test_only_in_a_race_forecasts_decide_who_goes_on(searched: Any, strategy: str, said: str) -> None:
    problem = {"objectives": [["accuracy", True]], "constraints": [], "fidelity": ["work", 1, 9]}
    began = {"problem": problem, "strategy": {"type": strategy}, "fit": {"settings": {"data": "blots"}}}
    progress = progress_of(read_study(searched([(0.5, {})], began=began)))
    assert progress is not None and said in progress.note
    assert ("forecasts" in progress.note) == (strategy == "race")


def test_one_score_alone_is_no_picture(searched: Any) -> None:
    for trials, drawn in (([(0.5, {}), (None, {})], False), ([(0.5, {}), (0.6, {})], True)):
        study = read_study(searched(trials))
        progress = progress_of(study)
        assert progress is not None and bool(drawings(study, progress)) is drawn
        page = render(study)
        assert ("one trial</li>" in page) is drawn


def test_a_trial_outside_the_limits_did_not_fail(searched: Any) -> None:
    """The head, the sentence, the legend and the list count alike."""
    study = read_study(searched([(0.5, {}), (0.6, {}), (None, {}), (0.9, {"large": True}), (0.9, {"large": True})]))
    progress = progress_of(study)
    assert progress is not None
    lead = progress.lead.replace(NB, " ")
    assert "1 trial failed" in lead and "2 trials are outside the limits." in lead
    assert progress.how_unfit == "failed or outside the limits"
    tried = dict(summary_of(study).facts)["architectures tried"].replace(NB, " ")
    assert tried.endswith("1 failed, 2 outside the limits")


def test_networks_are_counted_alike_in_head_and_text(prepared: Any) -> None:
    trials = [({"depth": i % 2}, {"accuracy": 0.5 + i / 10}, {}) for i in range(3)]
    study = read_study(prepared([(1.0, {})], {}, trials))
    progress = progress_of(study)
    assert progress is not None
    assert progress.lead.replace(NB, " ").startswith("2 networks were tried in 3 trials in 6 s.")
    assert dict(summary_of(study).facts)["networks tried"].replace(NB, " ") == "2 in 3 trials"


def test_parameters_that_are_the_score_are_one_column(tmp_path: Path) -> None:
    problem = Problem(Flat(), Objective("params", maximize=False))
    store = SqliteStore(tmp_path / "small")
    Search(
        problem, RandomSearch(), ToyEvaluator(metrics=("accuracy", "params")), budget=Budget(trials=3), store=store
    ).run()
    progress = progress_of(read_study(tmp_path / "small"))
    assert progress is not None and len(progress.top) == 3 and not progress.sized


def test_what_does_not_compare_with_the_best_trial_was_not_worse(searched: Any) -> None:
    after = [(0.5, {})] * 12 + [(None, {})] * 16
    for trials, said in ((after, False), ([(0.5, {})] * 28, True)):
        progress = progress_of(read_study(searched([(0.5, {}), (0.9, {}), *trials])))
        assert progress is not None and ("The 28 trials after it were not better" in progress.lead) == said


def test_trials_of_less_work_do_not_count_as_worse(searched: Any) -> None:
    study = read_study(searched([(0.5, {}), (0.9, {}), *[(0.5, {})] * 28]))
    for trial in study.history.finished[10:]:
        trial.fidelity = 0.25
    progress = progress_of(study)
    assert progress is not None and "not better" not in progress.lead


def test_all_that_failed_are_counted_though_few_are_drawn(searched: Any) -> None:
    study = read_study(searched([(None if i % 10 == 3 else 0.5, {}) for i in range(1000)]))
    progress = progress_of(study)
    assert progress is not None and progress.n_left_out and progress.crossed
    assert "100 trials failed" in progress.lead.replace(NB, " ")
    assert "… and 80 more." in render(study, [SECTION])


def test_accuracies_of_a_study_are_all_shares_or_all_in_percent(searched: Any) -> None:
    page = render(read_study(searched([(93.1, {}), (1.0, {}), (0.5, {})])), [SECTION])
    assert "trial 1: 1, 5 parameters" in page and "trial 2: 0.5000, 5 parameters" in page
    assert [cell for cell in ("93.10", "1", "0.5000") if f'<td class="n">{cell}</td>' not in page] == []


def test_what_is_drawn_of_several_objectives_is_told_where_something_is(searched: Any) -> None:
    problem = {"objectives": [["accuracy", True], ["params", False]], "constraints": [], "fidelity": ["epochs", 1, 1]}
    for trials, said in (([(0.5, {})], False), ([(0.5, {}), (0.6, {"large": True})], True)):
        page = render(read_study(searched(trials, began={"problem": problem})), [SECTION])
        assert ("Only accuracy, the first objective, is drawn here." in page) is said


def test_what_most_trials_failed_of_is_named_and_equals_are_both(searched: Any) -> None:
    for kinds, said in (
        (["memory", "memory", "nan"], "(most often: not enough memory)"),
        (["memory", "nan"], "(not enough memory or a score that was no number)"),
        (["memory", "nan", "nan", "memory", "lost"], "(most often: not enough memory or a score that was no number)"),
    ):
        study = read_study(searched([(0.5, {}), *[(None, {})] * len(kinds)]))
        failed = [trial for trial in study.history.finished if trial.losses is None]
        for trial, kind in zip(failed, kinds, strict=True):
            assert trial.outcome is not None
            trial.outcome = replace(trial.outcome, error_kind=kind)
        progress = progress_of(study)
        assert progress is not None and said in progress.lead


def test_a_trial_of_a_search_alone_is_no_short_training(make: Any, searched: Any) -> None:
    short = "A short training of one network, to see whether it is promising."
    for folder, said in ((make(), short), (searched([(0.5, {})]), "One evaluation of one architecture, and the score")):
        progress = progress_of(read_study(folder))
        assert progress is not None and dict(terms(progress, EXAMPLES))["trial"].startswith(said)


def test_with_several_objectives_the_incumbent_is_best_in_the_first_one(searched: Any) -> None:
    one, two = [["accuracy", True]], [["accuracy", True], ["params", False]]
    for objectives, best in ((one, "trial"), (two, "accuracy")):
        problem = {"objectives": objectives, "constraints": [], "fidelity": ["epochs", 1, 1]}
        study = read_study(searched([(0.5, {}), (0.6, {"large": True})], began={"problem": problem}))
        progress = progress_of(study)
        assert progress is not None and dict(terms(progress, EXAMPLES))["incumbent"] == f"The best {best} so far."
        assert f"incumbent (best {best} so far)" in render(study)
