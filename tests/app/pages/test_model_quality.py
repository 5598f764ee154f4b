from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("nicegui")

from nicegui import Client, ui

from archsmith.app.house import House
from archsmith.app.pages import model_quality
from archsmith.app.pages.frame import Words

Homes = dict[str, tuple[House, str]]


def words_of(root: ui.element) -> list[str]:
    return [each.text for each in root.descendants() if isinstance(each, Words)]


def shown(homes: Homes, name: str) -> tuple[ui.element, Any]:
    """The section, and the facts that it shows."""
    house, id = homes[name]
    known = house.models.facts(id)
    with Client(ui.page("/")), ui.element("div") as root:
        model_quality.show(house, known, model_quality.curve_of(house, id))
    return root, known


def test_the_table_of_confusions_holds_every_count(homes: Homes) -> None:
    root, known = shown(homes, "rows")
    cells = [each for each in root.descendants() if {"hit", "miss", "none"} & set(each.classes)]
    told = [each.text for each in cells if isinstance(each, Words)]
    assert [int(text.replace(",", "")) for text in told] == [n for row in known.confusion.matrix for n in row]
    assert ["hit" in each.classes for each in cells][:: len(known.classes) + 1] == [True] * len(known.classes)


def test_a_number_has_no_slider(homes: Homes) -> None:
    root, _ = shown(homes, "numbers")
    assert not [each for each in root.descendants() if each.props.get("type") == "range"]
    assert "How far off it is" in words_of(root)


def test_the_slider_tells_its_threshold(homes: Homes, in_app: Callable[..., Any]) -> None:
    house, id = homes["rows"]
    known, curve = house.models.facts(id), model_quality.curve_of(house, id)
    assert curve is not None
    with Client(ui.page("/")), ui.element("div") as root:
        slider = model_quality._Threshold(house, known, curve)
    slider._slide(SimpleNamespace(args=90))  # type: ignore[arg-type]
    assert "Least probability: 0.90" in words_of(root)
    assert any(text.startswith(f"{100 * curve.points[90].accepted:.1f}") for text in words_of(root))
    slider._slide(SimpleNamespace(args=10**9))  # type: ignore[arg-type]
    assert "Least probability: 1.00" in words_of(root)
    slider._slide(SimpleNamespace(args="x"))  # type: ignore[arg-type]
    in_app(slider._choose, SimpleNamespace(args="1"))
    assert slider._curve.label == 1


def test_of_many_classes_those_that_are_recognised_least_are_listed(
    homes: Homes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_quality, "MOST_ROWS", 2)
    root, _ = shown(homes, "rows")
    assert "Of 3 classes, the 2 that are recognised least." in words_of(root)


def test_a_score_that_is_missing_is_a_dash(homes: Homes) -> None:
    house, id = homes["rows"]
    known = house.models.facts(id)
    less = known.model_copy(update={"scores": [row for row in known.scores if row.split == "test"]})
    with Client(ui.page("/")), ui.element("div") as root:
        model_quality._scores(less)
    assert words_of(root).count("–") == 3


@pytest.mark.parametrize(
    ("taken", "as_often", "said"),
    [
        (("dog", 1), 0, "dog (1)"),
        (("dog", 1), 1, "dog (1, 1 other as often)"),
        (("dog", 1), 2, "dog (1, 2 others as often)"),
        (None, 0, "–"),
    ],
)
def test_what_a_class_is_taken_for_says_what_is_as_often(
    homes: Homes, taken: tuple[str, int] | None, as_often: int, said: str
) -> None:
    house, id = homes["rows"]
    known = house.models.facts(id)
    row = known.per_class[0].model_copy(update={"taken_for": taken, "as_often": as_often})
    with Client(ui.page("/")), ui.element("div") as root:
        model_quality._classes(known.model_copy(update={"per_class": [row]}))
    assert words_of(root)[-1] == said
