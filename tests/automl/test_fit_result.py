"""What a job gives back, as JSON and in a notebook."""

import dataclasses
import json
from pathlib import Path

import pytest

from archsmith.automl.fit_result import FitResult, Row
from archsmith.core.wording import NETWORKS

ROWS = (
    Row("linear", 0.96, 0.955, valid_metrics={"accuracy": 0.96}, params=650, macs=640, seconds=2.0, epochs=30.0),
    Row("searched", 0.99, 0.98, params=300, macs=400, seconds=20.0, epochs=12.0, exported=True, trial=3),
)
RESULT = FitResult(
    study="digits-1",
    stop_reason="seconds",
    seconds=61.5,
    budget_seconds=60.0,
    n_trials=7,
    n_failed=1,
    n_from_mutation=3,
    metric="accuracy",
    valid=0.99,
    test=0.98,
    metrics={"test": {"accuracy": 0.98}},
    rows=ROWS,
    architecture={"stages": 3},
    params=300,
    macs=400,
    model_dir="models/digits",
    report=None,
    test_reads=1,
    max_difference=1e-7,
)


def test_a_result_survives_json_with_all_its_rows():
    told = json.loads(json.dumps(RESULT.to_dict()))
    rows = tuple(Row(**row) for row in told.pop("rows"))
    assert told.pop("why") == RESULT.why
    assert FitResult(**told, rows=rows) == RESULT


@pytest.mark.parametrize(
    ("rows", "n_trials", "said"),
    [
        (
            (Row("fixed", 0.9, stopped=True), Row("searched", 0.99, exported=True)),
            7,
            "7 trials nothing promised to end",
        ),
        ((Row("fixed", 0.99, exported=True),), 1, "1 trial nothing promised to end ahead of the hand-made network"),
        (
            (Row("fixed", 0.99, exported=True), Row("tuned", error="no memory")),
            7,
            "nothing promised to end ahead of the",
        ),
        ((Row("fixed", 0.99, exported=True, stopped=True), Row("searched", 0.9)), 7, "the best one on"),
        ((Row("fixed", 0.9), Row("searched", 0.99, exported=True)), 7, "This one is the best of them"),
        ((Row("fixed", 0.9), Row("tuned", 0.99, exported=True)), 7, "More than one network was trained to the end"),
        ((Row("linear", 0.99, exported=True), Row("searched", 0.9)), 7, "the best one on"),
        ((Row("tuned", 0.99, exported=True), Row("fixed", 0.9, stopped=True)), 2, "promised more than the"),
        ((Row("fixed", 0.9, exported=True), Row("searched", error="no memory")), 7, "The searched network could not"),
        ((Row("unfinished", 0.99, exported=True), Row("searched", 0.9)), 7, "exported as it was"),
        ((Row("earlier.1", 0.99, exported=True), Row("searched", 0.9)), 7, "the network from before"),
    ],
)
def test_it_says_why_this_network_was_exported(rows, n_trials, said):
    assert said in dataclasses.replace(RESULT, rows=rows, n_trials=n_trials, n_failed=0, stop_reason="settled").why


def test_what_was_better_but_too_slow_to_export_is_named():
    rows = (Row("linear", 0.4819, exported=True), Row("pretrained", 0.7229, enough_seconds=350.0))
    why = dataclasses.replace(RESULT, rows=rows).why
    assert why == (
        "The pretrained network was better on the validation split (0.7229 against 0.4819), but it is too slow to be "
        "tested and exported in this time: give --time 6m. Of the others in the table the exported one is "
        "the best on the validation split."
    )


def test_equal_scores_are_not_told_as_one_that_is_better():
    rows = (Row("linear", 0.9, exported=True), Row("fixed", 0.9), Row("pretrained", 0.8))
    assert dataclasses.replace(RESULT, rows=rows, n_trials=0).why == (
        "It was the best one on the validation split; of equals those that were not stopped early come first, "
        "and then the smaller loss decides."
    )


def test_what_decided_between_equals_is_told_whatever_was_trained_on():
    tied = (Row("linear", 0.9), Row("fixed", 0.9, exported=True))
    said = (
        "At least one other scored the same on the validation split; of equals those that were not stopped early "
        "come first, and then the smaller loss decides."
    )
    for n_trials in (0, 3):
        why = dataclasses.replace(RESULT, rows=tied, n_trials=n_trials).why
        assert why.endswith(said) and why.count("of equals") == 1
    other = (Row("linear", 0.8), Row("fixed", 0.9, exported=True))
    assert "of equals" not in dataclasses.replace(RESULT, rows=other, n_trials=3).why


CHANCE = "(1 against 0.9956), but by no more than chance may bring where many are compared, so it was not taken."


@pytest.mark.parametrize("exported", ["linear", "fixed", "searched", "tuned", "earlier", "runner_up"])
def test_nothing_is_called_the_best_where_a_trial_was_higher(exported):
    rows = (Row(exported, 0.9956, exported=True), Row("unfinished", 1.0, by_chance=True, trial=3))
    why = dataclasses.replace(RESULT, rows=rows).why
    assert f"The best trial was better on the validation split {CHANCE}" in why
    assert "best of these" not in why and "It was the best" not in why
    others = "Of the others in the table the exported one is the best"
    assert why.count("best on the validation split") == why.count(others)
    alone = dataclasses.replace(RESULT, rows=rows[:1]).why
    assert "trial was better" not in alone


def test_a_race_that_was_cut_off_is_not_said_to_have_ended_by_itself():
    chosen = "Then the searched network was the choice of the search, so it was trained on."
    assert RESULT.why == f"After 7 trials the time for comparing was over. {chosen}"


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("trials", "After 7 trials the number of trials was reached. Then the searched"),
        ("requested", "After 7 trials a person asked it to finish. Then the searched"),
    ],
)
def test_a_race_that_ended_before_its_time_is_not_said_to_have_used_it_up(reason, said):
    why = dataclasses.replace(RESULT, stop_reason=reason).why
    assert said in why and "time" not in why


@pytest.mark.parametrize(
    ("exported", "reason", "said"),
    [
        ("fixed", "seconds", "The time was too short to compare networks, so the hand-made network got all of it."),
        (
            "fixed",
            "untrainable",
            "No trial of a search came to its end, because no network of this space can be trained, so the "
            "hand-made network was trained.",
        ),
        (
            "tuned",
            "unprepared",
            "No trial of a search came to its end, because what all trials need could not be made ready, so "
            "the pretrained network was "
            "trained.",
        ),
    ],
)
def test_without_a_search_it_says_why_there_was_none(exported, reason, said):
    rows = (Row("linear", 0.9), Row(exported, 0.99, exported=True))
    assert dataclasses.replace(RESULT, rows=rows, n_trials=0, n_failed=0, stop_reason=reason).why == said


@pytest.mark.parametrize(("n", "said"), [(1, "The only trial"), (8, "All 8 trials")])
def test_a_search_that_found_nothing_did_not_promise_anything(n, said):
    rows = (Row("fixed", 0.99, exported=True),)
    why = dataclasses.replace(RESULT, rows=rows, n_trials=n, n_failed=n, stop_reason="failures").why
    assert why == f"{said} failed, so the hand-made network was trained."


def test_what_had_no_rival_for_want_of_time_is_not_said_to_be_worth_more_than_a_search():
    rows = (Row("linear", 0.9), Row("tuned", 0.99, exported=True))
    why = dataclasses.replace(RESULT, rows=rows, n_trials=0).why
    assert why == "The time was too short to compare networks, so the pretrained network got all of it."
    why = dataclasses.replace(RESULT, rows=rows, n_trials=0, stop_reason="requested").why
    assert why.startswith("A person asked the job to finish before networks were compared, so the pretrained network")


def test_a_training_that_a_person_cut_short_did_not_get_the_rest_of_the_time():
    for n_trials, reason in ((7, "requested"), (7, "trials"), (0, "seconds")):
        rows = (Row("linear", 0.9), Row("tuned", 0.99, exported=True))
        asked = {"rows": rows, "n_trials": n_trials, "n_failed": 0, "stop_reason": reason, "asked_to_finish": True}
        why = dataclasses.replace(RESULT, **asked).why
        assert why.endswith(("was trained.", "was trained on."))


def test_its_short_form_names_the_study_and_the_scores():
    assert repr(RESULT) == "FitResult(digits-1, accuracy, valid 0.99, test 0.98, seconds)"


def test_a_notebook_gets_a_card_headed_by_the_study():
    assert "digits-1: test accuracy 0.98" in RESULT._repr_html_()


def test_the_reference_names_every_key_and_every_row():
    page = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    part = page.partition("## What `fit --json` prints")[2].partition("<!-- from")[0]
    of_job, of_rows = part.partition("The `name` of a row")[::2]
    assert [key for key in RESULT.to_dict() if f"`{key}`" not in of_job] == []
    assert [key for key in Row("fixed").to_dict() if f"`{key}`" not in f"`name`{of_rows}"] == []
    assert [name for name in NETWORKS if f"`{name}`" not in of_rows] == []
