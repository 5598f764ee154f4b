"""Small pieces that pages are made of: lists of facts, tables and charts. All texts are plain words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nicegui import ui
from nicegui.element import Element

from archsmith.app.pages.frame import Words, box, cell, part, stacking, table_box

# Readable on the light and on the dark sheet
BLUE, ORANGE, GREEN, GREY = "#4a86b8", "#c9692a", "#3d8f66", "#868e98"


SHORT = 16  # characters that no narrow column breaks


def said(element: Element, **attributes: object) -> Element:
    """``element`` with attributes of HTML whose values may be any text; ``_`` in a name stands for ``-``."""
    for name, value in attributes.items():
        element.props[name.replace("_", "-")] = value
    return element


def starting(field: Element, value: object) -> Element:
    """``field`` with what stands in it at first. Vue, which draws the page, would put the property ``value`` back there
    whenever anything on the page changes; the mark makes it the attribute, which what a person types goes before.
    """
    return said(field, **{"^value": value})


def whole(text: str) -> str:
    """The class of a short cell, such as a date, which stays in one line."""
    return "whole" if len(text) <= SHORT else ""


def section(name: str, title: str) -> Element:
    """A sheet that links lead to, with its heading."""
    made = said(box("section", "sheet"), id=name, aria_labelledby=f"{name}-title")
    with made:
        said(Words("h2", title), id=f"{name}-title")
    return made


def facts(pairs: Iterable[tuple[str, str]]) -> None:
    """Names and values side by side."""
    with box("dl", "facts"):
        for name, value in pairs:
            with box("div"):
                Words("dt", name)
                Words("dd", value)


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    label: str,
    numbers: Iterable[int] = (),
    hints: Mapping[str, str] | None = None,
    kind: str = "",
) -> None:
    """A table whose first column heads its rows. ``numbers``: columns that stand at the right. ``hints`` says more of
    what heads a row. ``kind``: classes of the table.
    """
    right, stack = set(numbers), stacking(len(heads))
    with scrolling(label), table_box(kind, stack=stack):
        with part("thead", stack=stack), part("tr", stack=stack):
            for i, head in enumerate(heads):
                cell("th", head, "n" if i in right else "", scope="col", stack=stack)
        with part("tbody", stack=stack):
            for row in rows:
                with part("tr", stack=stack):
                    with cell("th", "", scope="row", stack=stack):
                        Words("span", row[0])
                        if hints and hints.get(row[0]):
                            Words("small", hints[row[0]], "hint")
                    for i, words in enumerate(row[1:], 1):
                        cell("td", words, "n" if i in right else "", stack=stack, label=heads[i])


def scrolling(label: str) -> Element:
    """What scrolls sideways on its own, by keyboard, too."""
    return said(box("div", "wide", 'tabindex="0" role="region"'), aria_label=label)


def chart(options: Mapping[str, Any], label: str) -> ui.echart:
    """A chart of few marks. ``label``: what it shows, for who does not see it."""
    drawn = ui.echart({"animation": False, "textStyle": {"fontFamily": "inherit"}, **options}, renderer="svg")
    said(drawn.classes("chart"), role="img", aria_label=label)
    return drawn


def axis(name: str, low: float | None = None, high: float | None = None, **more: Any) -> dict[str, Any]:
    """A numeric axis with its name in the middle."""
    line = {"lineStyle": {"color": GREY, "opacity": 0.35}}
    bounds = {**({} if low is None else {"min": low}), **({} if high is None else {"max": high})}
    place = {"nameLocation": "middle", "nameGap": 30}
    return {
        "type": "value",
        "name": name,
        **place,
        **bounds,
        "scale": low is None,
        "splitLine": line,
        "axisLabel": {"hideOverlap": True},
        **more,
    }
