from __future__ import annotations

from collections.abc import Callable

import pytest
from nicegui import Client
from nicegui.element import Element

from archsmith.app.pages.frame import PLACES, Words, box, frame, sheet


def of_kind(page: Client, tag: str) -> list[Element]:
    return [element for element in page.elements.values() if element.tag == tag]


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "a & b", "{{ 7 * 7 }}"])
def test_words_are_kept_as_they_are(page: Client, text: str) -> None:
    made = Words("p", text)
    assert made.text == text
    assert of_kind(page, "script") == []


def test_a_page_has_one_heading_and_a_way_past_the_head(page: Client) -> None:
    with frame("Studies", "/"):
        Words("p", "inside")
    (title,) = of_kind(page, "h1")
    assert title.text == "Studies"  # type: ignore[attr-defined]
    assert title.parent_slot is not None and title.parent_slot.parent.props["id"] == "main"
    assert of_kind(page, "main") == []  # NiceGUI has one already
    skip = next(link for link in of_kind(page, "a") if link.props["href"] == "#main")
    assert "skip" in skip.classes


def test_the_head_leads_to_every_place_and_says_where_one_is(page: Client) -> None:
    with frame("Studies", "/"):
        pass
    links = {link.props["href"]: link for link in of_kind(page, "a")}
    assert set(PLACES.values()) <= set(links)
    assert [place for place, link in links.items() if "aria-current" in link.props] == ["/"]


def test_the_foot_leads_to_words_to_the_api_and_to_the_same_for_programs(page: Client) -> None:
    with frame("Studies", twin="/studies"):
        pass
    links = {link.props["href"]: link.text for link in of_kind(page, "a") if isinstance(link, Words)}
    assert links["/api/v1/studies"] == "This page as JSON"
    assert links["/api/docs"] == "API" and "/words" in links


def test_controls_of_the_head_are_named(page: Client) -> None:
    with frame("Studies"):
        pass
    assert [button.props["aria-label"] for button in of_kind(page, "button")] == ["Switch between light and dark"]


def test_a_sheet_has_a_heading_where_it_has_a_title(page: Client, shown: Callable[[], str]) -> None:
    with sheet("Networks"):
        Words("p", "inside")
    with sheet(kind="head"), box("ul"):
        Words("li", "a line")
    assert [heading.text for heading in of_kind(page, "h2")] == ["Networks"]  # type: ignore[attr-defined]
    assert "a line" in shown()
