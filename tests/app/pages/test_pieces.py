from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("nicegui")

from nicegui import Client, ui

from archsmith.app.pages import pieces
from archsmith.app.pages.frame import Words, box

Made = Callable[[Callable[[], Any]], list[ui.element]]


@pytest.fixture
def made() -> Made:
    """Every element that a function makes."""

    def elements(make: Callable[[], Any]) -> list[ui.element]:
        with Client(ui.page("/")), ui.element("div") as root:
            make()
        return list(root.descendants())

    return elements


def test_attributes_may_be_any_text(made: Made) -> None:
    (found,) = made(lambda: pieces.said(box("img"), alt='a "quoted" <b> = word', data_place="x y"))
    assert found.props["alt"] == 'a "quoted" <b> = word' and found.props["data-place"] == "x y"


def test_what_stands_in_a_field_at_first_is_an_attribute(made: Made) -> None:
    (found,) = made(lambda: pieces.starting(box("input"), 'a "b"'))
    assert found.props["^value"] == 'a "b"' and "value" not in found.props


def test_a_table_heads_its_columns_and_rows(made: Made) -> None:
    found = made(lambda: pieces.table(("Name", "n"), [("a", "1"), ("b", "2")], "Some", (1,), {"a": "the first"}))
    scopes = [each.props["scope"] for each in found if each.tag == "th"]
    assert scopes == ["col", "col", "row", "row"]
    numbers = [each for each in found if each.tag == "td"]
    assert [each.text for each in numbers if isinstance(each, Words)] == ["1", "2"]
    assert all("n" in each.classes for each in numbers)
    assert "the first" in [each.text for each in found if isinstance(each, Words)]
    assert found[0].props["tabindex"] == "0" and found[0].props["aria-label"] == "Some"


def test_a_section_is_named_by_its_heading(made: Made) -> None:
    section, heading = made(lambda: pieces.section("cost", "Cost"))
    assert section.props["aria-labelledby"] == heading.props["id"] and section.props["id"] == "cost"


def test_facts_are_a_list_of_terms(made: Made) -> None:
    assert [each.tag for each in made(lambda: pieces.facts([("a", "1")]))] == ["dl", "div", "dt", "dd"]


def test_a_chart_says_what_it_shows(made: Made) -> None:
    (found,) = made(lambda: pieces.chart({"series": []}, "Nothing at all"))
    assert found.props["role"] == "img" and found.props["aria-label"] == "Nothing at all"


def test_an_axis_with_ends_begins_where_it_is_told() -> None:
    assert pieces.axis("x", 0, 1)["min"] == 0 and not pieces.axis("x", 0, 1)["scale"]
    assert pieces.axis("x")["scale"] and "min" not in pieces.axis("x")
