from __future__ import annotations

import json
from typing import Any

import pytest

from archsmith.core import job_records, records
from archsmith.core.errors import StudyError
from archsmith.core.events import Event
from archsmith.core.log_format import FORMAT
from archsmith.core.records import KINDS, StudyRecord, beginning, record
from archsmith.core.trial import Outcome

SPEC = {"type": "toy_flat", "args": {}}
PROBLEM = {"objectives": [["accuracy", True]], "constraints": [], "fidelity": ["epochs", 1, 4]}

ONE_OF_EACH = [
    records.StudyRecord(SPEC, PROBLEM, SPEC, SPEC, 7, 24.0, {"settings": {"seconds": 60.0}}, "archsmith fit digits"),
    records.StudyRecord(repeatable=True),
    records.StudyRecord(simulated=False),
    records.Opened(12, "here", 60.0, 5),
    records.Opened(12, "here", 60.0, None, left=50.0),
    records.Preparing(1.5, {"train_loss": 0.5, "best": "a, b"}),
    records.Prepared(3.0, {"epochs": 4}),
    records.Proposed((records.ProposedTrial(0, {"x": 1}, 4.0, (), {}), records.ProposedTrial(1, {"x": 2}, 1.0, (0,)))),
    records.Reported(0, 1.0, {"accuracy": 0.5}),
    records.Finished(0, Outcome.success({"accuracy": 0.5}, 2.0)),
    records.Command("stop", {"now": True}),
    records.Closed("trials", 12.5),
    job_records.PhaseRecord("search", "started", "random on toys", 30.0),
    job_records.PhaseRecord("search", "finished", seconds=29.0, result={"n_trials": 3}),
    job_records.ProgressRecord("decode", 3, 10),
    job_records.Note("Ten classes."),
    job_records.Epoch("fixed", 1.0, 9.0, {"train_loss": 0.5}),
    job_records.Extended({"seconds": 120.0}, {"final_epochs": 3.0}, {"step_seconds": 0.1}),
]


def through_json(read: Any) -> Any:
    return record(Event(read.kind, json.loads(json.dumps(read.to_data()))))


@pytest.mark.parametrize("read", ONE_OF_EACH, ids=lambda read: read.kind)
def test_what_is_written_is_read_again(read: Any) -> None:
    assert through_json(read) == read


def test_every_kind_is_tried_here() -> None:
    assert {read.kind for read in ONE_OF_EACH} | {"result"} == set(KINDS)


@pytest.mark.parametrize("read", ONE_OF_EACH, ids=lambda read: read.kind)
def test_fields_that_nobody_knows_are_passed_over(read: Any) -> None:
    if read.kind != "study":  # there they are what a person added
        assert record(Event(read.kind, {**read.to_data(), "aurora": [1]})) == read


@pytest.mark.parametrize("kind", ["study", "opened", "prepared", "closed", "phase", "note", "extended", "result"])
def test_fields_that_an_older_version_did_not_write_have_defaults(kind: str) -> None:
    assert record(Event(kind, {})) is not None


def test_an_outcome_of_an_older_version_has_no_notes() -> None:
    read = record(Event("finished", {"trial": 0, "outcome": {"status": "ok", "metrics": {"accuracy": 0.5}}}))
    assert isinstance(read, records.Finished) and read.outcome == Outcome.success({"accuracy": 0.5})


def test_a_kind_that_nobody_knows_is_none() -> None:
    assert record(Event("aurora", {"x": 1})) is None


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("finished", {}),
        ("finished", {"trial": 0, "outcome": {"status": "splendid"}}),
        ("proposed", {"trials": 3}),
        ("reported", {"trial": 0, "step": 1, "metrics": "many"}),
        ("opened", {"budget": ["an hour", None]}),
        ("phase", {"name": "search", "seconds": "long"}),
        ("epoch", {"network": "fixed"}),
        ("study", {"problem": 3}),
        ("study", {"fit": {"task": 0.5}}),
        ("study", {"fit": {"settings": "many"}}),
        ("finished", {"trial": 0, "outcome": {"status": "ok", "metrics": {"accuracy": 10**400}}}),
    ],
)
def test_damaged_data_are_told_by_event(kind: str, data: dict[str, Any]) -> None:
    with pytest.raises(StudyError, match=f"Event 7 of the study .{kind}. is damaged"):
        record(Event(kind, data, 7))


# -- the format --------------------------------------------------------------------------------------------------------


def test_a_study_is_written_in_the_present_format() -> None:
    assert StudyRecord().to_data()["format"] == FORMAT >= 2


def test_a_study_without_a_format_is_of_the_first() -> None:
    read = record(Event("study", {"seed": 3}))
    assert isinstance(read, StudyRecord) and (read.format, read.seed) == (1, 3)


def test_a_study_of_a_later_format_is_refused_in_one_sentence() -> None:
    with pytest.raises(StudyError, match="written by a later version of archsmith .*Upgrade archsmith"):
        record(Event("study", {"format": FORMAT + 1}))


def test_what_a_person_added_to_the_beginning_is_kept() -> None:
    read = record(Event("study", {"seed": 1, "lab": "north"}))
    assert isinstance(read, StudyRecord) and read.more == {"lab": "north"}
    assert read.to_data()["lab"] == "north"


@pytest.mark.parametrize("first", [None, Event("opened", {}), Event("aurora", {})])
def test_a_study_begins_with_its_first_event(first: Event | None) -> None:
    with pytest.raises(StudyError, match="The study lost has no first event"):
        beginning(first, "lost")
