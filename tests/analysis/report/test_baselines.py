from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from archsmith.analysis.report.baselines import Baselines, _once, baselines_of
from archsmith.analysis.study import Study, read_study
from archsmith.analysis.wording import NB
from archsmith.core.job_records import FINISHED, PhaseRecord
from archsmith.core.wording import CUT


def told(make: Any, **wishes: Any) -> Baselines:
    found = baselines_of(read_study(make(**wishes)))
    assert found is not None
    return found


def lead(found: Baselines) -> str:
    return found.lead.replace(NB, " ")


def test_a_searched_network_that_is_better(make: Any) -> None:
    text = lead(told(make, scores=(0.6, 0.80, 0.84), n=3000))
    assert text.startswith(
        "The search found a network that is 4 points better on the test split than the hand-made one. It has"
    )
    assert "A linear model alone reaches 60 %: the searched network is 24 points better." in text


def test_a_small_gap_is_said_to_be_perhaps_chance(make: Any) -> None:
    assert "may be chance on 120 test pictures" in lead(told(make, scores=(0.6, 0.80, 0.81), n=120))
    assert "chance" not in lead(told(make, scores=(0.6, 0.70, 0.80), n=3000))


def test_a_baseline_that_is_no_network_is_compared_too(make: Any) -> None:
    forest = {"name": "random_forest", "test": 0.85, "valid": 0.85}
    found = told(make, scores=(0.6, 0.7, 0.8), more_rows=[forest], n=3000)
    assert [row.name for row in found.rows][-1] == "random forest"
    assert "Random forest alone reaches 85 %: these data do not need a network at all." in lead(found)


def test_a_baseline_that_was_exported_is_what_the_others_are_compared_with(make: Any) -> None:
    forest = {"name": "boosted", "test": 0.9, "valid": 0.9, "exported": True}
    text = lead(told(make, scores=(0.6, 0.7, 0.8), exported=None, more_rows=[forest]))
    assert text.startswith(
        "On the validation split gradient boosting is best, so it was exported. The search found nothing better. "
        "On the test split it reaches 90 %. The linear model reaches 60 %, which is 30 points worse."
    )
    assert "The searched network reaches 80 %, which is 10 points worse." in text
    assert "do not need" not in text and "so it was chosen" not in text


def changed(make: Any, changes: dict[str, dict[str, Any]], **wishes: Any) -> Baselines:
    """A study whose rows differ by ``changes``."""
    study = read_study(make(**wishes))
    assert study.view.job.result is not None
    rows = tuple({**row, **changes.get(str(row["name"]), {})} for row in study.rows)
    study.view.job.result = replace(study.view.job.result, rows=rows)
    found = baselines_of(study)
    assert found is not None
    return found


def test_what_was_better_but_too_slow_to_export_is_told_first(make: Any) -> None:
    slow = {"name": "pretrained", "test": None, "valid": 0.7229, "enough_seconds": 350.0}
    linear = {"exported": True, "valid": 0.4819}
    found = changed(make, {"linear": linear}, exported=None, scores=(0.48, 0.2, 0.2), more_rows=[slow])
    assert lead(found).startswith(
        "The pretrained network was better on the validation split (72.3 % against 48.2 %), but it is too slow to be "
        "tested and exported in this time: give --time 6m. Of the others on the validation split the linear model is"
    )
    assert found.some_too_slow and "no search was needed" not in lead(found)


def test_a_trial_that_was_better_by_chance_is_told_first(make: Any) -> None:
    trial = {"name": "unfinished", "test": None, "valid": 0.99, "by_chance": True, "trial": 2}
    found = told(make, scores=(0.6, 0.7, 0.8), more_rows=[trial])
    assert lead(found).startswith("The best trial was better on the validation split (99 % against ")
    assert "by no more than chance may bring" in lead(found) and found.some_by_chance
    assert found.rows[-1].name == "best trial (trial 2)" and found.rows[-1].test == "–"


def test_without_a_search_nothing_is_said_of_its_use(make: Any) -> None:
    found = changed(make, {"linear": {"exported": True}}, exported=None, n_trials=0)
    assert "There was no time for a search, so this says nothing about whether one would help." in lead(found)


def test_a_fit_that_the_clock_ended_is_told(make: Any) -> None:
    found = changed(make, {"linear": {"cut": True, "epochs": None}}, scores=(0.6, 0.7, 0.8))
    assert [row.epochs == CUT for row in found.rows] == [row.name == "linear model" for row in found.rows]


def test_a_network_that_was_hardly_trained_is_not_judged(make: Any) -> None:
    few = {"epochs": 0.3}
    text = lead(changed(make, {"linear": {"exported": True}, "fixed": few}, exported=None, scores=(0.93, 0.196, 0.2)))
    assert "The hand-made network reaches 19.6 %. But it was hardly trained (0.3 epochs)" in text
    assert "73.4 points" not in text
    text = lead(changed(make, {"fixed": few}, scores=(0.6, 0.2, 0.8)))
    assert "the hand-made network was hardly trained (0.3 epochs), so this comparison says little" in text


def test_why_a_network_is_not_judged_is_said_once(make: Any) -> None:
    text = lead(changed(make, {"searched": {"epochs": 0.211}}, scores=(0.6, 0.5, 0.8)))
    assert text.count("hardly trained (0.211 epochs)") == 1 == text.count("says little")
    assert "linear model reaches 60 %." in text


def test_what_a_network_brought_along_is_praised_only_beyond_chance(make: Any) -> None:
    before = {"name": "pretrained", "test": 0.82, "valid": 0.82}
    small = lead(told(make, scores=(0.6, 0.7, 0.80), more_rows=[before], n=120))
    assert "worth more" not in small
    assert "A pretrained network alone reaches 82 %. On 120 test pictures that is no clear difference." in small
    large = lead(told(make, scores=(0.6, 0.7, 0.80), more_rows=[{**before, "test": 0.9}], n=3000))
    assert "A pretrained network alone reaches 90 %: what it has learnt from other pictures is worth more" in large


def test_what_a_baseline_is_is_known_or_comes_from_its_phase(make: Any) -> None:
    study = read_study(make())
    assert study.view.job.result is not None
    rows = [{**row, "name": "mine"} if row["name"] == "linear" else row for row in study.rows]
    study.view.job.result = replace(study.view.job.result, rows=tuple(rows))
    study.phases["mine"] = replace(study.phases["linear"], name="mine", detail="a rule of thumb")
    found = baselines_of(study)
    assert found is not None and found.rows[0].what == "a rule of thumb"
    assert found.rows[1].what == "a small network that a person designed, always the same one"


def stopped_early(make: Any, **wishes: Any) -> Study:
    """A study whose race no longer trained the hand-made network."""
    study = read_study(make(**wishes))
    assert study.view.job.result is not None
    rows = [{**row, **({"stopped": True, "epochs": 2.5} if row["name"] == "fixed" else {})} for row in study.rows]
    study.view.job.result = replace(study.view.job.result, rows=tuple(rows))
    return study


def test_a_network_that_was_stopped_early_is_no_fair_opponent(make: Any) -> None:
    found = baselines_of(stopped_early(make, scores=(0.6, 0.70, 0.84)))
    assert found is not None and "2.5 epochs, then stopped" in {row.epochs for row in found.rows}
    assert lead(found).startswith("The search gave the time to the searched network. The hand-made network was not")
    assert "The hand-made network was not trained to its end: it reached 70 % after 2.5 epochs." in lead(found)
    assert "could have reached" not in lead(found) and "points better on the test split" not in lead(found)


def test_a_network_that_was_stopped_early_and_yet_is_best_is_told(make: Any) -> None:
    found = baselines_of(stopped_early(make, scores=(0.6, 0.90, 0.84), exported="fixed"))
    assert found is not None and "best on the validation split after 2.5 epochs" in lead(found)
    assert "gave the time to" not in lead(found)


def test_a_draw_is_called_one(make: Any) -> None:
    assert "the searched network and the hand-made one score the same" in lead(told(make, scores=(0.6, 0.8, 0.8)))


def test_a_choice_that_the_test_does_not_confirm_is_admitted(make: Any) -> None:
    text = lead(told(make, scores=(0.6, 0.84, 0.80), n=3000))
    assert "so it was chosen. On the test split it is 4 points worse than the hand-made one" in text


def test_a_search_that_found_nothing_better(make: Any) -> None:
    text = lead(told(make, scores=(0.6, 0.84, 0.80), exported="fixed"))
    assert "no searched network beats the hand-made one" in text and "the choice must not look at that" in text


def test_data_that_need_no_network(make: Any) -> None:
    assert "these data do not need a network at all" in lead(told(make, scores=(0.9, 0.7, 0.8)))


def test_what_data_need_is_open_where_the_clock_cut_the_network_that_is_compared(make: Any) -> None:
    study = read_study(make(scores=(0.9, 0.7, 0.8)))
    (phase,) = (phase for phase in study.view.phases.all if phase.name == "train searched")
    phase.forecast_seconds = phase.seconds
    found = baselines_of(study)
    assert found is not None and "The time ended the training of the searched network" in lead(found)
    assert "A linear model alone reaches 90 %" in lead(found) and "do not need" not in lead(found)


def test_what_chance_may_explain_is_no_clear_difference(make: Any) -> None:
    text = lead(told(make, scores=(0.5, 0.385, 0.38), exported="fixed", n=52))
    assert "A linear model alone reaches 50 %. On 52 test pictures that is no clear difference." in text
    assert "do not need" not in text and "the choice must not look at that. A gap this small may be chance" in text
    text = lead(told(make, scores=(0.3, 0.385, 0.44), n=52))
    assert "A linear model alone reaches 30 %. On 52 test pictures that is no clear difference." in text


def test_of_a_baseline_that_was_exported_small_gaps_are_no_clear_differences(make: Any) -> None:
    text = lead(told(make, scores=(0.9, 0.88, 0.2), exported="linear"))
    assert "hand-made network reaches 88 %, which is 2 points worse: no clear difference on 120 test pictures." in text
    assert "The searched network reaches 20 %, which is 70 points worse." in text


def test_a_pretrained_network_is_worth_more_only_where_it_is_clearly_better(make: Any) -> None:
    def said(**more: Any) -> str:
        rows = [{"name": "pretrained", "test": 0.82, "valid": 0.8, **more}]
        return lead(told(make, scores=(0.1, 0.7, 0.8), n=132, more_rows=rows))

    assert "A pretrained network alone reaches 82 %. On 132 test pictures that is no clear difference." in said()
    worth = "what it has learnt from other pictures is worth more here."  # there may have been no search
    assert worth in said(gap=[-0.02, 0.005])  # on the same examples it is a clear difference


def test_answers_to_the_same_examples_tell_more_than_intervals(make: Any) -> None:
    gap = {"linear": {"gap": [0.01, 0.003]}}
    assert "79 %: the searched network is 1 point better" in lead(changed(make, gap, scores=(0.79, 0.1, 0.80)))
    same = {"linear": {"gap": [0.0, 0.0], "valid": 0.8}}
    assert "do not need a network" in lead(changed(make, same, scores=(0.8, 0.1, 0.8)))
    unsure = {"linear": {"gap": [0.0, 0.03], "valid": 0.8}}
    assert "80 %, which is as good." in lead(changed(make, unsure, scores=(0.8, 0.1, 0.8)))


def test_copies_in_the_test_split_make_a_gap_less_sure(make: Any) -> None:
    gap = {"linear": {"gap": [0.01, 0.003]}}
    copies = {"repeats": {"test": 90}}
    text = lead(changed(make, gap, scores=(0.79, 0.1, 0.80), n=100, checks=copies))
    assert "79 %. On 100 test pictures that is no clear difference." in text


def test_networks_are_needed_where_the_validation_split_says_so(make: Any) -> None:
    better = {"gap": [-0.2, 0.01]}
    wins = lead(changed(make, {"linear": {**better, "valid": 0.8}}, scores=(0.9, 0.1, 0.7)))
    assert "do not need a network" in wins
    loses = lead(changed(make, {"linear": {**better, "valid": 0.1}}, scores=(0.9, 0.1, 0.7)))
    assert "do not need" not in loses and "A linear model alone reaches 90 %, which is 20 points better." in loses


def test_a_training_that_the_clock_cut_is_told(make: Any) -> None:
    study = read_study(make(scores=(0.6, 0.7, 0.8)))
    (phase,) = (phase for phase in study.view.phases.all if phase.name == "train fixed")
    assert study.view.job.result is not None
    rows = tuple({**row, "epochs": 6.0} for row in study.rows)
    study.view.job.result = replace(study.view.job.result, rows=rows)
    # of a training that had less time before, only the latest stretch counts
    for stretches, said in (([(8.0, 8.0)], True), ([(8.0, 8.0), (8.0, 90.0)], False), ([(8.0, 9.5), (8.0, 8.5)], True)):
        others = [each for each in study.view.phases.all if each.name != "train fixed"]
        latest = [replace(phase, seconds=seconds, forecast_seconds=forecast) for seconds, forecast in stretches]
        study.view.phases.all = [*others, *latest]
        found = baselines_of(study)
        assert found is not None
        assert ("The time ended the training of the hand-made network after 6 epochs" in lead(found)) == said


def test_a_failed_training_is_named(make: Any) -> None:
    report = told(make, scores=(0.6, None, 0.8))
    assert "The hand-made network could not be trained in full (Out of memory)" in lead(report)
    assert [row.error for row in report.rows] == ["", "Out of memory.", ""]


def test_scores_that_are_no_shares_have_no_points(make: Any) -> None:
    text = lead(told(make, classes=(), metric="r2", scores=(0.5, 0.7, 0.72)))
    assert "better by 0.02 (R²)" in text and "points" not in text


def test_a_network_of_less_time_is_no_reason_to_do_without_networks(make: Any) -> None:
    before = {"name": "earlier", "test": 0.8, "valid": 0.8}
    text = lead(told(make, scores=(0.6, 0.7, 0.8), more_rows=[before]))
    assert "The network from before reaches 80 %, which is as good." in text
    assert "do not need" not in text


def test_baselines_alone_are_not_called_nothing(make: Any) -> None:
    study = read_study(make(finished=False))
    study.view.job.results["boosted"] = {"accuracy": 0.7, "epochs": 0.0, "seconds": 7.0}
    facts = baselines_of(study)
    assert facts is not None and [row.name for row in facts.rows] == ["linear model", "gradient boosting"]
    told = "Networks of the search have had only a part of their training."
    assert facts.lead == f"So far only baselines are done. {told}"


def test_of_a_job_without_a_result_nothing_is_concluded(make: Any) -> None:
    study = read_study(make(finished=False))
    study.view.job.results["boosted"] = {"accuracy": 0.99, "epochs": 0.0, "seconds": 7.0}
    study.view.job.results["train fixed"] = {"accuracy": 0.8, "epochs": 9.0, "seconds": 7.0, "trial": 0}
    facts = baselines_of(study)
    assert facts is not None and facts.lead.startswith("Nothing is chosen yet. Of what was trained gradient")


def test_of_a_job_that_was_cut_off_behind_its_choice_the_choice_is_told(make: Any) -> None:
    study = read_study(make(finished=False))
    study.view.job.results["train fixed"] = {"accuracy": 0.8, "epochs": 9.0, "seconds": 7.0, "trial": 0}
    for record in (PhaseRecord("choose", FINISHED, result={"network": "fixed"}), PhaseRecord("export")):
        study.view.job.take(record)
        study.view.phases.take(record, 60.0)
    facts = baselines_of(study)
    assert facts is not None and facts.lead == (
        "The hand-made network is chosen; when the study goes on, its bundle and report are written next."
    )
    study.view.phases.take(PhaseRecord("train fixed"), 70.0)
    facts = baselines_of(study)
    assert facts is not None and facts.lead.startswith("Nothing is chosen yet.")
    assert "do not need a network" not in facts.lead


def test_who_was_hardly_trained_is_told_once() -> None:
    before = (
        "On the test split … But the tuned pretrained network was hardly trained (0.2 epochs), so this comparison says "
        "little."
    )
    again = f" A linear model reaches 90\xa0%.{before.partition('…')[2]}"
    assert _once(again, before) == " A linear model reaches 90\xa0%."
    assert _once(again, "Something else.") == again


def test_a_tie_is_not_called_best(make: Any) -> None:
    tied = lead(told(make, scores=(0.9, 0.9, 0.8), exported="linear"))
    equals = (
        "so it was exported; of equals those that were not stopped early come first, and then the smaller loss decides."
    )
    assert f"On the validation split no other is better than the linear model, {equals}" in tied
    clear = lead(told(make, scores=(0.9, 0.8, 0.8), exported="linear"))
    assert "On the validation split the linear model is best, so it was exported." in clear


def test_a_conclusion_is_drawn_once_and_scores_are_told_in_one_way(make: Any) -> None:
    boosted = {"name": "boosted", "valid": 0.97, "test": 0.97}
    chance = {"name": "unfinished", "valid": 0.99, "by_chance": True}
    text = lead(told(make, scores=(0.95, 0.8, 0.9), more_rows=[boosted, chance], n=3000))
    assert text.count("these data do not need a network at all") == 1
    assert "A linear model alone reaches 95 %" in text and "Gradient boosting alone reaches 97 %." in text
    assert "(99 % against 90 %)" in text


def test_a_choice_between_equals_is_not_called_better(make: Any) -> None:
    study = read_study(make(scores=(0.6, 0.84, 0.80), n=3000))
    assert study.result is not None
    for row in study.result["rows"]:
        row["valid"] = 0.8
    found = baselines_of(study)
    assert found is not None
    text = lead(found)
    assert "Both scored the same on the validation split; of equals those that were not stopped early come " in text
    assert "was better on the validation split" not in text


@pytest.mark.parametrize(("valid", "said"), [(0.8, True), (0.7, False)])
def test_what_decided_against_a_baseline_with_the_same_score_is_told(make: Any, valid: float, said: bool) -> None:
    study = read_study(make(scores=(0.6, 0.84, 0.80), n=3000))
    assert study.result is not None
    for row in study.result["rows"]:
        row["valid"] = {"linear": valid, "fixed": 0.75}.get(row["name"], 0.8)
    found = baselines_of(study)
    assert found is not None
    assert (
        "of equals those that were not stopped early come first, and then the smaller loss decides." in lead(found)
    ) == said


@pytest.mark.parametrize(
    ("reason", "n_trials", "said"),
    [("settled", 20, True), ("seconds", 20, False), ("trials", 20, False), ("requested", 0, False)],
)
def test_only_a_search_that_settled_preferred_the_handmade_network(
    make: Any, reason: str, n_trials: int, said: bool
) -> None:
    study = read_study(make(exported="fixed", n_trials=n_trials))
    result = study.view.job.result
    assert result is not None
    study.view.job.fit = {**study.view.job.fit, "plan": {"longest": 100.0, "searching": True}}
    rows = tuple(row for row in study.rows if row["name"] != "searched")
    study.view.job.result = replace(result, rows=rows, stop_reason=reason)
    found = baselines_of(study)
    assert found is not None
    assert ("training it on was worth more than other candidates" in lead(found)) == said
    assert ("There is no searched network to compare." in lead(found)) == (not said)


def test_a_search_that_found_something_better_by_chance_did_not_find_nothing(make: Any) -> None:
    trial = {"name": "unfinished", "test": None, "valid": 0.99, "by_chance": True, "trial": 2}
    text = lead(told(make, scores=(0.9, 0.7, 0.8), exported="linear", more_rows=[trial]))
    assert "The search found nothing that is clearly better." in text and "found nothing better" not in text
