from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from archsmith.app.study_facts import MOST_ERRORS, MOST_NOTES, study_facts
from archsmith.core.events import Event
from archsmith.core.job_records import FINISHED, Note, PhaseRecord, ResultRecord
from archsmith.core.records import Closed, Command, Opened
from archsmith.runtime.resuming import BY_PROGRAM
from archsmith.runtime.study_view import StudyView

SEARCHED = {"objectives": [["accuracy", True]], "constraints": [], "fidelity": ["epochs", 1.0, 9.0]}
SEARCH = {"reason": "seconds", "n_trials": 1, "best": 0}


def test_a_running_job_says_its_phase_its_clock_and_its_best(view_of: Any, tried: Any) -> None:
    read = PhaseRecord("read", FINISHED, seconds=2.0, result={"lead": 4.0})
    view = view_of(read, PhaseRecord("search", forecast_seconds=30.0), tried(0, 0.75), writer=True)
    facts = study_facts(view, now=view.changed + 10)
    assert (facts.state, facts.says, facts.title) == ("running", "Search", "blots")
    assert (facts.budget_seconds, facts.elapsed_seconds, facts.remaining_seconds) == (60.0, 17.0, 43.0)
    assert facts.fraction == pytest.approx(17 / 60)
    assert facts.best is not None and facts.best.words == "accuracy 75\xa0%"
    assert [(phase.name, phase.state) for phase in facts.phases][-1] == ("search", "running")


def test_of_several_objectives_the_best_is_the_best_and_the_knee_is_told_apart(view_of: Any, tried: Any) -> None:
    trade = {**SEARCHED, "objectives": [["accuracy", True], ["params", False]]}
    tries = [(0.9, 1000.0), (0.85, 100.0), (0.1, 50.0)]
    view = view_of(
        *(tried(i, y, x=i, metrics={"params": x}) for i, (y, x) in enumerate(tries)), problem=trade, job=False
    )
    facts = study_facts(view)
    assert facts.best is not None and (facts.best.trial, facts.best.words) == (0, "accuracy 90\xa0%")
    assert facts.knee is not None and (facts.knee.trial, facts.knee.words) == (1, "accuracy 85\xa0%, parameters 100")
    assert view.best is not None and view.best.id == facts.best.trial  # what lists of studies say
    percent = [(2.0, 1000.0), (1.0, 100.0), (0.0, 50.0)]
    low = view_of(
        *(tried(i, y, x=i, metrics={"params": x}) for i, (y, x) in enumerate(percent)), problem=trade, job=False
    )
    assert (knee := study_facts(low).knee) is not None and knee.words == "accuracy 1, parameters 100"
    assert study_facts(view_of(tried(0, 0.75))).knee is None


def test_a_search_of_which_nothing_is_within_the_limits_says_what_comes_closest(view_of: Any, tried: Any) -> None:
    limited = {**SEARCHED, "constraints": [["accuracy", None, 0.9]]}
    facts = study_facts(view_of(tried(0, 0.75), Closed("trials"), problem=limited, job=False))
    assert facts.why is not None and facts.why.endswith(
        "1 trial had a score, and none is within the limits: trial 0 comes closest, with accuracy 0.75 instead of at "
        "least 0.9."
    )


def test_the_clock_stands_still_while_nobody_works_on_it(view_of: Any) -> None:
    facts = study_facts(view_of(PhaseRecord("search")), now=1e6)
    assert (facts.state, facts.elapsed_seconds, facts.remaining_seconds) == ("interrupted", 1.0, None)
    assert facts.phases[-1].state == "cut"
    assert facts.phases[-1].seconds == 0.0


@pytest.mark.parametrize(
    ("records", "writer", "can"),
    [
        ([], True, {"stop", "pause"}),
        ([Command("stop")], True, {"pause"}),
        ([Command("stop"), Opened(1, "here", 60.0)], True, {"pause"}),
        ([Command("stop"), Command("pause"), Opened(1, "here", 60.0)], True, {"stop", "pause"}),
        ([], False, {"resume", "extend"}),
        ([ResultRecord("accuracy")], False, {"extend"}),
        ([Closed("failed", error="Disk full.")], False, {"resume", "extend"}),
    ],
)
def test_what_can_be_done_with_it(view_of: Any, records: list[Any], writer: bool, can: set[str]) -> None:
    controls = study_facts(view_of(*records, writer=writer)).controls.model_dump()
    assert {name for name, possible in controls.items() if possible} == can


def test_whoever_asked_it_to_finish_reads_so(view_of: Any) -> None:
    facts = study_facts(view_of(Command("stop"), writer=True))
    assert facts.asked_to_finish
    assert "asked to finish" in facts.says


def test_a_finished_job_says_its_test_score_and_what_it_exported(view_of: Any) -> None:
    rows = ({"name": "linear", "exported": True, "valid": 0.5},)
    result = ResultRecord("accuracy", test=0.5, rows=rows, stop_reason="seconds", seconds=59.0, data={"model_dir": "m"})
    facts = study_facts(view_of(result))
    assert (facts.test, facts.exported, facts.model) == ("accuracy 50\xa0%", "linear model", True)
    assert facts.why == "No trial of a search came to its end: the time was too short. The job took 0:59."
    assert (facts.elapsed_seconds, facts.fraction) == (59.0, 1.0)


def test_a_job_says_why_its_search_ended_and_that_a_person_asked_it_to_finish(view_of: Any, tried: Any) -> None:
    data = {"asked_to_finish": True, "budget_seconds": 60.0}
    result = ResultRecord("accuracy", test=0.5, rows=(), stop_reason="seconds", seconds=59.0, data=data)
    why = study_facts(view_of(tried(0, 0.5), result)).why
    assert why is not None
    assert why.startswith("The search ended because its time was used up. The job took 0:59 of 1:00. A person")


def test_a_job_that_took_more_than_its_budget_says_why(view_of: Any) -> None:
    data = {"budget_seconds": 60.0, "phases": {"read": {"seconds": 70.0}}}
    result = ResultRecord("accuracy", test=0.5, rows=(), stop_reason="seconds", seconds=90.0, data=data)
    assert "reading and checking the data alone took 1:10." in (study_facts(view_of(result)).why or "")


def test_a_failed_study_says_what_ended_it(view_of: Any) -> None:
    facts = study_facts(view_of(Closed("failed", error="The disk is full.")))
    assert (facts.state, facts.why) == ("failed", "The disk is full.")


def test_one_that_cannot_be_read_says_why_and_offers_nothing() -> None:
    view = StudyView("s")
    view.why_unreadable = "Event 3 is damaged."
    facts = study_facts(view)
    assert (facts.state, facts.why) == ("unreadable", "Event 3 is damaged.")
    assert not any(facts.controls.model_dump().values())
    assert facts.command is None


def test_the_command_of_a_job_is_what_repeats_it(view_of: Any) -> None:
    assert study_facts(view_of()).command == "archsmith fit blots --time 60s --seed 0"


def test_a_search_alone_has_no_budget_of_a_job(view_of: Any, tried: Any) -> None:
    view = view_of(tried(0, 0.5), Closed("trials"), problem=SEARCHED, job=False)
    facts = study_facts(view)
    assert (facts.job, facts.state, facts.why) == (
        False,
        "finished",
        "The search ended because the number of trials was reached.",
    )
    assert not facts.model


def test_what_most_trials_failed_for_is_told_once(view_of: Any, tried: Any) -> None:
    view = view_of(tried(0, None, error="No disk."), *(tried(i, None, x=i) for i in range(1, 50)))
    facts = study_facts(view)
    assert facts.errors == [
        "All 50 trials failed, most often (in 49) for this: Out of memory.",
        "trial 0: No disk.",
    ]
    assert facts.n_failed == 50


def test_there_is_a_limit_to_errors(view_of: Any, tried: Any) -> None:
    view = view_of(*(tried(i, None, x=i, error=f"Error {chr(65 + i)}.") for i in range(2 * MOST_ERRORS)))
    assert len(study_facts(view).errors) == MOST_ERRORS


def test_only_the_latest_notes_are_told_and_none_of_them_acts(view_of: Any) -> None:
    view = view_of(*(Note(f"note {i} \x1b[31m") for i in range(MOST_NOTES + 5)))
    notes = study_facts(view).notes
    assert len(notes) == MOST_NOTES
    assert notes[-1].endswith("\\x1b[31m")


def test_a_score_that_is_no_number_is_none(view_of: Any) -> None:
    result = ResultRecord("accuracy", test=float("nan"), rows=(), data={})
    assert study_facts(view_of(result)).test is None


def test_what_a_resumed_study_says_again_is_told_once(view_of: Any) -> None:
    notes = [Note("Two classes."), Note("Training runs on the CPU."), Note("Two classes."), Note("It goes on.")]
    assert study_facts(view_of(*notes)).notes == ["Two classes.", "Training runs on the CPU.", "It goes on."]


def test_notes_have_the_words_of_a_page(view_of: Any) -> None:
    (note,) = study_facts(view_of(Note("They tell little, so leave them out with --ignore."))).notes
    assert "--" not in note and "Columns to learn without" in note


def test_each_run_of_a_study_is_told_apart(view_of: Any, tried: Any) -> None:
    first = [PhaseRecord("search"), tried(0, 0.5), PhaseRecord("search", FINISHED, seconds=1.0, result=SEARCH)]
    second = [Opened(2, "here", 90.0), PhaseRecord("linear"), PhaseRecord("search"), tried(1, 0.6, x=2)]
    third = [Opened(3, "here", 90.0), PhaseRecord("read", FINISHED, seconds=1.0)]
    told = study_facts(view_of(*first, *second, *third)).phases
    assert [(phase.opening, phase.state, phase.why) for phase in told] == [
        (1, "done", ""),
        (2, "cut", "It went on, with more time or trials."),
        (2, "cut", ""),
        (3, "done", "It went on where it had stopped."),
    ]
    assert told[0].text == "1 trial, best accuracy 50\xa0% (trial 0)"  # as it was then


@pytest.mark.parametrize(
    ("before", "now", "why"),
    [
        ((60.0, None), (60.0, None), "where it had stopped"),
        ((60.0, 5), (None, 25), "with more time or trials"),
        ((60.0, None), (30.0, None), "with other limits"),
        ((60.0, None), (60.0, 20), "with other limits"),
    ],
)
def test_why_there_was_another_run(view_of: Any, before: Any, now: Any, why: str) -> None:
    view = view_of(Opened(1, "here", *before), Opened(2, "here", *now), PhaseRecord("search"))
    assert why in study_facts(view).phases[-1].why


def test_nobody_knows_how_long_a_job_without_a_limit_of_time_trains_on(view_of: Any, tried: Any) -> None:
    view = view_of(PhaseRecord("search"), tried(0, 0.5), writer=True)
    view.job.fit = {"settings": {"trials": 2}}
    facts = study_facts(view)
    assert (facts.remaining_seconds, facts.fraction) == (None, 0.5)
    for name in ("search", "train searched"):
        phase = PhaseRecord(name, FINISHED if name == "search" else "started", seconds=1.0, result=SEARCH)
        view.apply(Event(phase.kind, phase.to_data(), time=view.changed))
    assert study_facts(view).fraction is None


def test_a_search_alone_says_what_its_trials_will_take(view_of: Any, tried: Any) -> None:
    view = view_of(Opened(1, "here", None, 4), tried(0, 0.5), problem=SEARCHED, writer=True, job=False)
    assert study_facts(view, now=view.changed).remaining_seconds == 3 * view.spent


def test_seconds_of_a_table_do_not_say_when_it_ends(view_of: Any, tried: Any) -> None:
    view = view_of(tried(0, 0.5), problem=SEARCHED, writer=True, job=False)
    view.began = replace(view.began, simulated=True)
    facts = study_facts(view)
    assert (facts.budget_seconds, facts.remaining_seconds) == (60.0, None)


def test_who_is_trained_to_the_end_is_told(view_of: Any) -> None:
    ready = PhaseRecord("ready", FINISHED, seconds=1.0, result={"trials": {"fixed": 3, "tuned": None}})
    (phase,) = study_facts(view_of(ready)).phases
    assert phase.text == "the hand-made network and the tuned pretrained network are trained to the end"


def test_what_was_known_is_not_said_to_be_measured_again(view_of: Any) -> None:
    test = {"tests": {"linear": {"accuracy": 0.5}}, "read": False, "of": {"linear": 0.5}}
    (phase,) = study_facts(view_of(PhaseRecord("test", FINISHED, seconds=1.0, result=test))).phases
    assert phase.text == "known from before, so nothing was measured again"


@pytest.mark.parametrize(
    ("fit", "told"),
    [
        ({"task": {"outputs": [{"name": "price", "kind": "regression"}]}}, "the number price"),
        ({"task": {"outputs": [{"classes": ["a", "b"]}]}, "target": "kind"}, "kind, one of 2\xa0classes: a, b"),
        ({"task": {"outputs": [{"classes": list("abcdefghi")}]}}, "one of 9\xa0classes: a, b, c, d, e, f and 3 more"),
        ({}, None),
    ],
)
def test_what_is_predicted_is_told(view_of: Any, fit: dict[str, Any], told: str | None) -> None:
    view = view_of()
    view.job.fit = {**view.job.fit, **fit}
    assert study_facts(view).predicts == told


@pytest.mark.parametrize("left", [[], [Closed("interrupted"), Command("pause")], [Closed("trials")]])
def test_what_only_a_program_can_go_on_with_is_not_offered(view_of: Any, tried: Any, left: list[Any]) -> None:
    view = view_of(tried(0, 0.5), *left, job=False)
    if left:
        view.began = replace(view.began, strategy={"type": "__main__:Mine"})
    facts = study_facts(view)
    assert facts.says == ("The search has come to its end." if facts.state == "finished" else BY_PROGRAM)
    assert not any(facts.controls.model_dump().values())


def test_a_search_whose_strategy_has_nothing_more_to_propose_needs_no_time(view_of: Any, tried: Any) -> None:
    told = [tried(0, 0.5), Closed("exhausted")]
    assert not study_facts(view_of(*told, job=False)).controls.extend
    assert study_facts(view_of(*told, ResultRecord("accuracy"))).controls.extend  # a job trains on


def test_of_one_that_was_asked_to_finish_nobody_knows_what_is_left(view_of: Any) -> None:
    view = view_of(Command("stop"), writer=True)
    assert (study_facts(view).budget_seconds, study_facts(view).remaining_seconds) == (60.0, None)
