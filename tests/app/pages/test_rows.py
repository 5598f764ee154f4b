from __future__ import annotations

from collections.abc import Callable

from nicegui import Client

from archsmith.app.pages.rows import Column, Row, Rows

COLUMNS = [Column("Network"), Column("Score", number=True)]


def test_a_table_has_headings_and_a_caption(page: Client, shown: Callable[[], str]) -> None:
    Rows("Networks of this study", COLUMNS)
    assert "Networks of this study" in shown()
    heads = [element for element in page.elements.values() if element.tag == "th"]
    assert [head.props["scope"] for head in heads] == ["col", "col"]


def test_rows_come_change_and_go(page: Client, shown: Callable[[], str]) -> None:
    rows = Rows("t", COLUMNS)
    rows.show([Row(("a", "1")), Row(("b", "2"))])
    rows.show([Row(("c", "3"))])
    lines = [element for element in page.elements.values() if element.tag == "tr"][1:]
    assert ["hidden" in line.props for line in lines] == [False, True]
    assert "c" in shown().split("\n")
    rows.show([Row(("c", "3")), Row(("d", "4"))])
    assert ["hidden" in line.props for line in lines] == [False, False]


def test_a_row_that_can_be_picked_is_a_button_and_others_are_words(page: Client) -> None:
    rows = Rows("t", COLUMNS, lambda trial: None)
    rows.show([Row(("a", "1"), pick=7), Row(("b", "2"))])
    buttons = [element for element in page.elements.values() if element.tag == "button"]
    assert [(button.text, "hidden" in button.props) for button in buttons] == [("a", False), ("", True)]  # type: ignore[attr-defined]


def test_texts_never_act_as_markup(page: Client) -> None:
    Rows("t", COLUMNS).show([Row(("<b>a</b>", "1"))])
    assert not [element for element in page.elements.values() if element.tag == "b"]
