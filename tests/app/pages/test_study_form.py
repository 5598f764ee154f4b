"""The form of a study: which fields it has, and how it starts one."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from archsmith.app import form
from archsmith.app.datasets import READY, DataSet
from archsmith.app.house import House
from archsmith.app.pages import study_form
from archsmith.core.errors import UsageError
from archsmith.server.refusals import Refusal

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


@pytest.mark.parametrize(
    "error",
    [
        UsageError("No such thing.", "Say which with --target."),
        Refusal(409, "x", "No such thing.", "Say which with --target."),
    ],
)
def test_errors_are_told_in_the_words_of_the_page(error: UsageError | Refusal) -> None:
    assert study_form.in_words(error) == "No such thing. Choose it below."
