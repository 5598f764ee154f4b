"""The page of two networks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from starlette.testclient import TestClient

from archsmith.app.pages import difference


def test_two_networks_stand_side_by_side(client: TestClient, evolved: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(difference, "PATIENCE", 60.0)
    page = client.get("/differences", params={"study": evolved, "a": "0", "b": "1"})
    assert page.status_code == 200
    for words in ("Trial 0 and Trial 1", "What was measured and counted", "Decisions", "differs"):
        assert words in page.text
    assert "tip-s00" in page.text and "tip-s10" in page.text  # both are drawn


@pytest.mark.parametrize("more", [{}, True])
def test_one_network_is_not_compared_with_itself(client: TestClient, evolved: str, more: object) -> None:
    asked = {"study": evolved, "a": "0", "b": "0", **({"other": evolved} if more else {})}
    page = client.get("/differences", params=asked)
    assert "This is one and the same network." in page.text and "decisions differ" not in page.text
    assert f"/studies/{evolved}/networks/0" in page.text


def test_without_two_networks_it_says_how_to_come_here(client: TestClient, evolved: str) -> None:
    for params in ({}, {"study": evolved}, {"study": evolved, "a": "0"}):
        page = client.get("/differences", params=params)
        assert page.status_code == 200 and "choose another one to compare it with" in page.text


def test_what_has_no_decisions_is_not_counted_as_different() -> None:
    model, trial = SimpleNamespace(decisions=()), SimpleNamespace(decisions=("depth", "width"))
    found: Any = SimpleNamespace(first=model, second=trial, decisions=("depth", "width"), n_different=2)
    said = difference._lead(found, ("Linear model", "Trial 3"))
    assert said == "No decisions are known of Linear model, so none are compared."
    found.first = trial
    assert difference._lead(found, ("Trial 1", "Trial 3")) == "2 decisions differ, 0 are the same."
