from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nicegui")

from nicegui import Client, ui

from archsmith.app.house import House
from archsmith.app.pages import model_mistakes
from archsmith.app.pages.frame import Words
from archsmith.app.settings import AppSettings

Settle = Callable[[str, Path], str]


@pytest.fixture
def made(tmp_path: Path, settle: Settle) -> Callable[[str], tuple[ui.element, model_mistakes._Mistakes]]:
    """The section of a model of that name, and what fills it."""

    def section(name: str) -> tuple[ui.element, model_mistakes._Mistakes]:
        id = settle(name, tmp_path)
        house = House(AppSettings(workspace=str(tmp_path)))
        known = house.models.facts(id)
        assert known.mistakes is not None
        with Client(ui.page("/")), ui.element("div") as root:
            found = model_mistakes._Mistakes(house, known, known.mistakes, {known.mistakes.shown[0].index: "never"})
        return root, found

    return section


def fields_of(root: ui.element) -> list[ui.element]:
    return [each for each in root.descendants() if "really" in each.classes]


def test_pictures_say_what_they_are_and_where_they_came_from(made: Callable[[str], tuple[ui.element, object]]) -> None:
    root, _ = made("classes")
    pictures = [each for each in root.descendants() if each.tag == "img"]
    assert pictures and all("taken for" in each.props["alt"] for each in pictures)
    assert all(each.props["src"].endswith(".png") for each in pictures)
    assert fields_of(root)[0].props["^value"] == "never"


def test_rows_show_their_values_and_more_on_request(
    made: Callable[[str], tuple[ui.element, model_mistakes._Mistakes]], in_app: Callable[..., Any]
) -> None:
    root, found = made("rows")
    before = len(fields_of(root))
    in_app(found._show_more)
    assert before == 24 and len(fields_of(root)) == 48
    assert "test row " in fields_of(root)[0].props["aria-label"]  # which row of the table it was nobody knows
    assert "Bern" in [each.text for each in root.descendants() if isinstance(each, Words)]


def test_a_label_is_kept_and_a_wrong_one_is_told(
    made: Callable[[str], tuple[ui.element, model_mistakes._Mistakes]], in_app: Callable[..., Any]
) -> None:
    _, found = made("numbers")
    index = found._known.mistakes.shown[0].index if found._known.mistakes else -1
    assert in_app(found._keep, index, "1.5") == "Kept."
    assert in_app(found._keep, index, "") == "Taken back."
    assert in_app(found._keep, index, "large").startswith("Not kept: ")
    assert in_app(found._keep, index, "36,6") == "Kept."


@pytest.mark.parametrize(
    ("label", "said"),
    [("never", "Kept."), (" never ", "Kept."), ("banana", "Kept, as a new class"), ("", "Taken back.")],
)
def test_a_label_that_is_no_class_is_told(
    made: Callable[[str], tuple[Any, Any]], in_app: Callable[..., Any], label: str, said: str
) -> None:
    _, found = made("rows")
    index = found._known.mistakes.shown[0].index if found._known.mistakes else -1
    assert in_app(found._keep, index, label).startswith(said)


def test_pictures_that_have_gone_are_no_rows(tmp_path: Path, settle: Settle) -> None:
    id = settle("classes", tmp_path)
    shutil.rmtree(tmp_path / "data")
    house = House(AppSettings(workspace=str(tmp_path)))
    known = house.models.facts(id)
    assert known.mistakes is not None
    with Client(ui.page("/")), ui.element("div") as root:
        model_mistakes._Mistakes(house, known, known.mistakes, {})
    assert "picture not there" in [each.text for each in root.descendants() if isinstance(each, Words)]
    assert all(each.props["aria-label"].startswith("What test picture") for each in fields_of(root))
