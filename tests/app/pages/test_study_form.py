"""The form of a study: which fields it has, and how it starts one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from nicegui import Client
from starlette.testclient import TestClient

from archsmith.app import form
from archsmith.app.datasets import READY, DataSet
from archsmith.app.house import House
from archsmith.app.pages.study_form import StudyForm

FIELDS = [{"name": "population", "kind": "int", "default": None, "help": "P, 2 or more."}]
FINDINGS: dict[str, Any] = {
    "shape": [1, 8, 8],
    "n_classes": 2,
    "classes": ["a", "b"],
    "n_examples": {"train": 8, "valid": 2, "test": 2},
    "counts": {"train": [4, 4], "valid": [1, 1], "test": [1, 1]},
    "made": [],
    "warnings": [],
    "notes": [],
    "n_skipped": 0,
}
FACTS: dict[str, Any] = {
    "asked": "1",
    "kind": "image",
    "noun": "picture",
    "nouns": "pictures",
    "task": "classification",
    "space": "pictures",
    "metrics": ["accuracy"],
    "balanced_metrics": ["balanced_accuracy"],
    "findings": FINDINGS,
    "spaces": [{"name": "pictures", "summary": "Families of networks.", "fields": []}],
    "strategies": [
        {"name": "graph_gp", "summary": "A model.", "fields": []},
        {"name": "evolution", "summary": "Mutates the best.", "fields": FIELDS},
    ],
}


@pytest.fixture
def text(client: TestClient, house: House, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of the page of ready data."""
    found = DataSet("digits", "digits", "sample", "digits", 0, 0.0, READY, measuring=True, facts=FACTS)
    monkeypatch.setattr(house.data, "get", lambda name: found)
    return client.get("/data/digits").text


def test_it_has_a_field_for_every_option(text: str) -> None:
    names = ["budget", "seconds", "trials", "balance", *form.LIMITS, *form.advanced(FACTS)]
    missing = [name for name in names if f'"name":"{name}"' not in text.replace("\\", "").replace('": "', '":"')]
    assert not missing


def test_strategies_have_fields_of_their_own(text: str) -> None:
    assert "strategy.evolution.population" in text
    assert "Mutates the best." in text


def test_every_field_has_words_for_what_is_wrong(text: str) -> None:
    for name in (*form.LIMITS, "trials", "seconds"):
        assert f"wrong-{name}" in text


def test_a_forecast_that_is_not_there_yet_is_announced(text: str) -> None:
    assert "the forecast follows in a moment" in text


@pytest.fixture
def made(page: Client, house: House) -> StudyForm:
    """A form on a page that nobody has opened."""

    async def began(job: str) -> None:
        raise AssertionError("nothing is begun")

    found = DataSet("digits", "digits", "sample", "digits", 0, 0.0, READY, measuring=True, facts=FACTS)
    return StudyForm(house, found, {}, began)


def change(made: StudyForm, **values: str) -> None:
    made._changed(SimpleNamespace(args={name.replace("__", "."): value for name, value in values.items()}))


def test_what_the_job_refuses_is_told_in_the_words_of_the_page(made: StudyForm, shown: Callable[[], str]) -> None:
    made.fail("No such thing. Say which with --target.")
    assert "No such thing. Choose it under “What is learnt”." in shown()


def test_wrong_fields_are_listed_beside_the_button(made: StudyForm, shown: Callable[[], str]) -> None:
    change(made, trials="2,5")
    assert "Most trials: '2,5' is no whole number." in shown()


def test_a_time_that_is_not_written_yet_is_no_error(made: StudyForm, shown: Callable[[], str]) -> None:
    change(made, budget="own", seconds="")
    assert not made._errors["seconds"][1].text
    assert form.NO_TIME_YET in shown()
    change(made, budget="own", seconds="90")
    assert "is taken as 90 seconds" in shown()


def test_nothing_is_started_while_it_is_held(
    made: StudyForm, house: House, in_app: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house, "begin", lambda options: pytest.fail("it was begun"))
    made.hold("Wait.")
    in_app(made._submit, SimpleNamespace(args={}))
    assert made._button.props["disabled"] and made._status.text == "Wait."
    made.hold()
    assert "disabled" not in made._button.props


def test_columns_to_learn_without_stand_in_the_open(page: Client, house: House, shown: Callable[[], str]) -> None:
    facts = {**FACTS, "kind": "table", "headings": ["age", "price"], "target": "price"}
    found = DataSet("a-1", "a.csv", "upload", "/a.csv", 0, 0.0, READY, measuring=True, facts=facts)
    made = StudyForm(house, found, {}, lambda job: asyncio.sleep(0))
    field, _ = made._errors["ignore"]
    assert all(each.tag != "details" for each in field.ancestors())
    change(made, ignore="agee")
    assert "Columns to learn without: No column 'agee' is there to ignore. Did you mean 'age'?" in shown()


def test_a_study_of_these_data_that_runs_is_linked_beside_the_button(made: StudyForm, shown: Callable[[], str]) -> None:
    made.tell_of("a-1")
    assert "A study of these data runs:" in shown() and "a-1" in shown()
    made.tell_of(None)
    assert "a-1" not in shown()


def test_what_is_shown_is_what_is_asked_for(
    page: Client, house: House, in_app: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    began: list[str] = []

    async def note(job: str) -> None:
        began.append(job)

    monkeypatch.setattr(house, "begin", lambda options: asked.append(options) or "starting-1")
    facts = {**FACTS, "target": "price", "headings": ["price"]}
    made = StudyForm(house, DataSet("a-1", "a", "upload", "/a", 0, 0.0, READY, measuring=True, facts=facts), {}, note)
    in_app(made._submit, SimpleNamespace(args={"budget": "120"}))
    assert asked == [{"data": "a-1", "seconds": 120.0, "task": "classification", "target": "price"}]
    assert began == ["starting-1"]
