from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip("nicegui")

from nicegui import Client, ui

from archsmith.app.pages.markdown import markdown

Made = Callable[[str], list[tuple[str, str]]]


@pytest.fixture
def made() -> Made:
    """``made(text)`` gives tag and words of every element that a text becomes."""

    def elements(text: str) -> list[tuple[str, str]]:
        with Client(ui.page("/")), ui.element("div") as root:
            markdown(text, below=1)
        return [(each.tag, str(getattr(each, "text", ""))) for each in root.descendants()]

    return elements


def test_headings_lists_and_words_become_elements(made: Made) -> None:
    found = made("# One\n\nWords with `code` and **more**.\n\n- a\n- b\n")
    assert ("h2", "") in found and ("code", "code") in found and ("strong", "") in found
    assert [tag for tag, _ in found].count("li") == 2
    assert ("span", "One") in found


def test_a_table_scrolls_on_its_own_and_names_its_columns(made: Made) -> None:
    found = made("| a | b |\n| --- | --- |\n| 1 | 2 |\n")
    assert [tag for tag, _ in found if tag in ("table", "th", "td")] == ["table", "th", "th", "td", "td"]


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[here](javascript:alert(1))",
        "![x](http://example.org/x.png)",
        "<http://example.org>",
    ],
)
def test_nothing_of_it_acts(made: Made, text: str) -> None:
    tags = {tag for tag, _ in made(text)}
    assert tags <= {"p", "span"}


def test_a_heading_of_a_column_without_words_is_an_empty_cell(made: Made) -> None:
    found = made("|  | b |\n| --- | --- |\n| 1 | 2 |\n")
    assert [tag for tag, _ in found if tag in ("th", "td")] == ["td", "th", "td", "td"]


def test_a_text_of_too_many_elements_stays_a_text(made: Made) -> None:
    ((tag, words),) = made("- *a*\n" * 3000)
    assert tag == "pre" and len(words) < 20_001


def test_brackets_without_end_end(made: Made) -> None:
    assert made("> " * 500 + "deep")
