from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from nicegui import Client
from starlette.testclient import TestClient

from archsmith.app.pages.frame import Words, box
from archsmith.app.pages.removal import RemoveButton, gone
from archsmith.core.errors import StudyError


class Removal:
    """Notes what it is asked for."""

    def __init__(self, why: str = "") -> None:
        self.why = why
        self.removed: list[str] = []

    def words(self, id: str) -> str:
        return f"All of {id} goes (3 MB)."

    def remove(self, id: str) -> None:
        if self.why:
            raise StudyError(self.why, "Pause it first.")
        self.removed.append(id)


def button(removal: Removal) -> RemoveButton:
    return RemoveButton(SimpleNamespace(removal=removal), "blots-1")  # type: ignore[arg-type]


def test_it_asks_first_and_says_what_goes(page: Client, shown: Callable[[], str]) -> None:
    removal = Removal()
    asyncio.run(button(removal)._ask())
    assert "All of blots-1 goes (3 MB)." in shown() and "Remove this study?" in shown()
    assert removal.removed == []


def test_then_it_removes_and_leads_home(page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Any] = []
    monkeypatch.setattr(Client, "open", lambda self, target, *more: opened.append(target))
    removal = Removal()
    asyncio.run(button(removal)._remove())
    assert (removal.removed, opened) == (["blots-1"], ["/"])


def test_what_cannot_be_removed_says_why(page: Client, shown: Callable[[], str]) -> None:
    asyncio.run(button(Removal("It is running."))._remove())
    assert "It is running. Pause it first." in shown()


def test_a_page_whose_study_is_gone_only_leads_home(page: Client, shown: Callable[[], str]) -> None:
    with box("div") as place:
        Words("button", "Pause")
    gone(place, "The study is not there any more.")
    assert "Pause" not in shown() and "The study is not there any more." in shown()
    assert [element.tag for element in place.descendants() if element.tag in ("a", "button")] == ["a"]


def test_both_pages_offer_it(client: TestClient, homes: Any, house: Any, settle: Any) -> None:
    id = settle("rows", house.workspace.path)
    for path in (f"/studies/{id}", f"/models/{id}"):
        assert "Remove this study" in client.get(path).text
