"""The task and the columns of data: what is shown is what is asked for."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from nicegui import Client

from archsmith.app.datasets import CHECKING, READY, REFUSED, DataSet
from archsmith.app.pages.meaning import CHOOSE, Meaning, choices

TABLE = {"kind": "table", "task": "classification", "target": "species", "headings": ["year", "species"]}


def found(state: str = READY, asked: dict[str, str | None] | None = None, **facts: Any) -> DataSet:
    return DataSet("a-1", "a.csv", "upload", "/a.csv", 0, 0.0, state, asked=asked or {}, facts=facts)


def chosen(data: DataSet) -> dict[str, str]:
    return {name: value for name, (_, _, value) in choices(data).items()}


def test_the_column_that_was_found_is_chosen() -> None:
    assert chosen(found(**TABLE)) == {"target": "species", "task": ""}
    assert "classification" in choices(found(**TABLE))["task"][1][""]


def test_what_was_asked_for_stays_chosen_where_the_data_are_refused() -> None:
    asked: dict[str, str | None] = {"target": "species", "task": "regression"}
    assert chosen(found(REFUSED, asked, headings=TABLE["headings"])) == {"target": "species", "task": "regression"}


def test_where_no_column_was_found_one_is_to_be_chosen() -> None:
    _, options, value = choices(found(REFUSED, headings=TABLE["headings"]))["target"]
    assert (value, list(options.values())) == ("", [CHOOSE, "year", "species"])


def test_columns_of_pictures_are_asked_of_pictures_only() -> None:
    pictures = {**TABLE, "kind": "image", "image": "year"}
    assert chosen(found(**pictures))["image"] == "year"
    assert "image" not in chosen(found(**TABLE))
    wrong = {"headings": ["a", "b"], "message": "Two columns hold pictures.", "hint": "Say which with --image-column."}
    assert "image" in chosen(found(REFUSED, **wrong))


def test_a_number_is_not_offered_where_classes_are_names() -> None:
    folders = {"kind": "image", "task": "classification"}
    assert choices(found(**folders, findings={"classes": ["cat", "dog"]})) == {}
    assert list(choices(found(**folders, findings={"classes": ["1", "2"]}))) == ["task"]


def test_all_choices_are_asked_for_at_once(page: Client, shown: Callable[[], str], in_app: Callable[..., Any]) -> None:
    asked: list[Any] = []

    async def note(values: Any) -> None:
        asked.append(values)

    made = Meaning(note)
    made.show(found(**TABLE))
    assert "It stands in the column “species”" in shown()
    in_app(made._changed, SimpleNamespace(args={"target": "species", "task": "regression"}))
    assert asked == [{"target": "species", "task": "regression"}]
    before = list(page.elements)
    made.show(found(CHECKING))
    assert list(page.elements) == before  # whoever is in a field stays there
