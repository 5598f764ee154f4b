from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from archsmith.analysis.report.search import progress_of
from archsmith.analysis.report.summary import Summary, summary_of
from archsmith.analysis.study import read_study
from archsmith.analysis.wording import NB
from archsmith.core.events import Event
from archsmith.core.failures import nothing_found
from archsmith.core.problem import Fidelity
from archsmith.core.trial import Outcome
from archsmith.core.wording import some_used


def told(make: Any, **wishes: Any) -> Summary:
    return summary_of(read_study(make(**wishes)))


def test_leaks_and_several_looks_at_the_test_split_are_shown_first(make: Any) -> None:
    report = told(make, checks={"leaks": {"valid": 0, "test": 7}}, test_reads=2)
    assert "7 test pictures are in the training or validation split too" in report.warning.replace(NB, " ")
    assert "so the test score may be better" in report.warning
    partly = told(make, checks={"leaks": {"test": 7}, "ignored": [["id", "counts the rows"]]}).warning
    assert "as far as the columns that are used tell, so the test score may be better" in partly
    assert "measured twice, because the study went on after that" in report.warning


def test_an_interval_counts_copies_once(make: Any) -> None:
    plain, copied = (told(make, n=120, checks=checks).detail for checks in ({}, {"repeats": {"test": 90}}))
    assert "30 of them are different; the interval counts copies once." in copied and "different" not in plain
    ends = [re.findall(r"between (\S+).% and (\S+).% \(95", text)[0] for text in (plain, copied)]
    assert float(ends[1][0]) < float(ends[0][0]) < float(ends[0][1]) < float(ends[1][1])


def test_balanced_accuracy_is_told_beside_the_plain_rate(make: Any) -> None:
    detail = told(make, metric="balanced_accuracy").detail
    assert "every class counts alike" in detail and "95" in detail


def test_scores_of_shared_weights_are_called_so_at_once(prepared: Any) -> None:
    trials = [({"depth": 1}, {"accuracy": 0.5}, {})]
    assert "These scores come from shared weights" in summary_of(read_study(prepared([], {}, trials))).detail
    assert (
        "shared"
        not in summary_of(read_study(prepared([], {}, trials, evaluator={"type": "training", "args": {}}))).detail
    )


def test_a_study_without_trials_says_what_it_waits_for(prepared: Any) -> None:
    assert (
        summary_of(read_study(prepared([(1.0, {})]))).detail
        == "The evaluator was cut off while it was being prepared. No trial has begun."
    )
    assert summary_of(read_study(prepared([(1.0, {})], {}))).detail == "No trial has begun."
    failed = read_study(prepared([], {}, [({"depth": 1}, None, {})]))
    assert summary_of(failed).detail == "The only trial failed: Out of memory."


def test_a_search_of_which_nothing_is_within_the_limits_says_so_as_the_terminal_does(prepared: Any) -> None:
    trials = [({"depth": 1}, {"accuracy": 0.5}, {})]
    study = read_study(prepared([], {}, trials, limits=[("accuracy", None, 0.9)]))
    found = summary_of(study)
    assert found.headline == "No trial is within the limits"
    assert found.detail == nothing_found(study.history) and "instead of at least 0.9" in found.detail
    lead = progress_of(study)
    assert lead is not None and lead.lead.endswith(f"1{NB}trial is outside the limits.")


def test_without_a_search_the_facts_say_so(make: Any) -> None:
    study = read_study(make(n_trials=0))
    facts = dict(summary_of(study).facts)
    assert facts["search"] == "none, the time was too short" and not any("tried" in name for name in facts)
    assert "search" not in dict(told(make).facts)


def test_of_a_job_the_end_of_its_search_is_told_and_not_that_of_its_process(make: Any) -> None:
    name = "the search ended because"
    study = read_study(make())
    assert dict(summary_of(study).facts)[name] == "its time was used up"
    study.view.job.result, study.view.job.ended, study.view.reason = None, False, "interrupted"  # in its last training
    assert dict(summary_of(study).facts)[name] == "its time was used up"
    del study.view.job.results["search"]
    assert name not in dict(summary_of(study).facts)


def test_an_extended_job_tells_that_its_result_is_of_before(make: Any) -> None:
    study = read_study(make())
    assert "earlier budget" not in summary_of(study).detail
    study.view.apply(Event("extended", {"settings": {"seconds": 120.0}}))
    for running, state in ((True, "is still running"), (False, "was cut off")):
        study.running = running
        found = summary_of(study)
        assert found.headline.startswith("Right on ")
        assert found.detail.startswith(f"This is the result of an earlier budget: the job got more, and {state}. For ")
        assert "the search ended because" not in dict(found.facts)


def test_the_size_of_the_best_trial_of_a_pool_is_that_of_the_best_of_all(make: Any) -> None:
    study = read_study(make(finished=False, n_trials=0))
    study.view.history.problem = replace(study.view.problem, fidelity=Fidelity("work", 1.0, 4.0))
    for id, (work, accuracy, params) in enumerate(((1.0, 0.9, 5e3), (4.0, 0.8, 7e3))):
        row = {"id": id, "architecture": {"depth": id}, "fidelity": work}
        outcome = Outcome.success({"accuracy": accuracy, "params": params}, 2.0)
        study.view.apply(Event("proposed", {"trials": [row]}))
        study.view.apply(Event("finished", {"trial": id, "outcome": outcome.to_dict()}))
    assert dict(summary_of(study).facts)["size of the best trial"].replace(NB, " ").startswith("5 k parameters")


def test_the_best_of_shorter_trials_is_said_to_be_one(prepared: Any) -> None:
    study = read_study(prepared([], {}, [({"depth": 1}, {"accuracy": 0.5}, {})]))
    assert "epoch" not in summary_of(study).headline
    study.view.history.problem = replace(study.view.problem, fidelity=Fidelity("epochs", 1.0, 9.0))
    assert summary_of(study).headline.replace(NB, " ") == "Best accuracy of 1 trial, at 1 epoch of 9: 50 %"


def test_what_ended_a_search_that_failed_is_said(make: Any) -> None:
    study = read_study(make())
    study.view.error = "Odd.ask raised ValueError."
    assert dict(summary_of(study).facts)["what failed"] == "Odd.ask raised ValueError."


def test_the_weights_are_as_large_as_their_file(make: Any) -> None:
    folder = make()
    assert "weights" not in dict(summary_of(read_study(folder)).facts)["size"]  # trees are no four bytes a parameter
    bundle = folder / "final" / "bundle"
    bundle.mkdir(exist_ok=True)
    (bundle / "weights.safetensors").write_bytes(bytes(5_988))
    assert dict(summary_of(read_study(folder)).facts)["size"].endswith(", 5.99 kB of weights")


def test_examples_that_there_was_no_time_for_are_told_beside_the_score(make: Any) -> None:
    note = some_used(20, 300, "pictures", "reading all of them would take about 30 s")
    assert told(make, checks={"notes": ["Something else.", note]}).detail.endswith(note)


def test_a_test_split_that_was_measured_before_the_job_was_cut_off_is_told(make: Any) -> None:
    folder = make(finished=False)
    study = read_study(folder)
    assert summary_of(study).detail.endswith("There is no test score yet.")
    study.view.apply(Event("phase", {"name": "test", "state": "started", "detail": "", "forecast_seconds": None}))
    study.view.apply(Event("phase", {"name": "test", "state": "finished", "seconds": 0.1, "result": {}}))
    detail = summary_of(study).detail
    assert "no test score" not in detail
    assert detail.endswith("The test split was measured; the test score is told once the job has ended.")


def test_without_a_trial_other_networks_may_have_scores(make: Any) -> None:
    study = read_study(make(finished=False, n_trials=0))
    assert summary_of(study).detail == "No trial has begun."
    row = {"id": 0, "architecture": {"depth": 1}, "fidelity": 1.0}
    study.view.apply(Event("proposed", {"trials": [row]}))
    assert summary_of(study).detail == "No trial has ended."
    del study.view.job.results["linear"]
    assert summary_of(study).detail == "No network has a score yet."


def test_only_the_best_of_several_scores_is_a_lucky_one(searched: Any) -> None:
    for trials, lucky in (([(0.5, {}), (None, {})], False), ([(0.5, {}), (0.6, {})], True)):
        detail = summary_of(read_study(searched(trials))).detail
        assert ("The best of many scores" in detail) is lucky
        assert detail.startswith("This study was a search alone, without a final training and a test behind it.")
