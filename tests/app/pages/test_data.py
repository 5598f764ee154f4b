"""The page of data, without a browser: what its first answer holds."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from nicegui import Client
from starlette.testclient import TestClient

from archsmith.app.datasets import CHECKING, PATH, READY, UPLOAD, DataSet
from archsmith.app.house import House
from archsmith.app.pages.data import _balance, _Page, _samples, how_long
from archsmith.server.refusals import Refusal

FACTS: dict[str, Any] = {
    "asked": "1",
    "kind": "table",
    "noun": "row",
    "nouns": "rows",
    "task": "classification",
    "space": "table",
    "metrics": ["accuracy"],
    "balanced_metrics": [],
    "findings": {
        "n_classes": 2,
        "classes": ["a", "b"],
        "n_examples": {"train": 8, "valid": 2, "test": 2},
        "counts": {"train": [4, 4], "valid": [1, 1], "test": [1, 1]},
        "made": [],
        "warnings": [],
        "notes": [],
        "n_skipped": 2,
        "skipped": [["row 3", "It has no value."], ["row 4", "It has no value."]],
    },
}
Checked = Callable[[House, str], DataSet]
pytestmark = pytest.mark.usefixtures("looking")


def send(house: House, path: Path, checked: Checked, **asked: str) -> str:
    async def chunks() -> AsyncIterator[bytes]:
        yield path.read_bytes()

    made = asyncio.run(house.data.receive(path.name, chunks()))
    checked(house, made.id)
    if asked:
        house.data.check(made.id, asked)
        checked(house, made.id)
    return made.id


def test_pictures_are_shown_with_their_classes(
    client: TestClient, house: House, zipped: Path, checked: Checked
) -> None:
    name = send(house, zipped, checked)
    text = client.get(f"/data/{name}").text
    assert f"/api/v1/data/{name}/pictures/0" in text
    assert "Balance of the classes" in text
    assert "colour pictures of 9 × 9" in text
    assert "Start the study" in text
    assert "There is time for about" in text


def test_a_table_is_shown_with_its_head(client: TestClient, house: House, table: Path, checked: Checked) -> None:
    text = client.get(f"/data/{send(house, table, checked, target='label')}").text
    assert "The first training rows" in text
    assert "All columns" in text
    assert "Column to be predicted" in text


def test_a_number_has_a_histogram(client: TestClient, house: House, table: Path, checked: Checked) -> None:
    text = client.get(f"/data/{send(house, table, checked, target='size', task='regression')}").text
    assert "How often what is learnt occurs" in text
    found = house.data.get(re.findall(r"/data/(things-[0-9a-f]+)", text)[0]).facts["findings"]["target"]
    assert f"size, {found['min']:g} to {found['max']:g} in training rows" in text


def test_refused_data_say_why_and_let_the_column_be_chosen(
    client: TestClient, house: House, table: Path, checked: Checked
) -> None:
    text = client.get(f"/data/{send(house, table, checked)}").text
    assert "the target may be the column" in text
    assert "Choose it under “What is learnt”" in text
    assert "choose a column" in text and "Check again" in text
    assert "Start the study" not in text


def test_words_of_the_data_are_no_markup(client: TestClient, house: House, zipped: Path, checked: Checked) -> None:
    text = client.get(f"/data/{send(house, zipped, checked)}").text
    assert "<b>square" not in text


def test_years_have_no_commas_and_few_gaps_are_told(
    client: TestClient, house: House, tmp_path: Path, checked: Checked
) -> None:
    rows = [f"{2007 + i % 3},{i % 7 if i else ''},{i % 5 if i > 3 else 'NA'}" for i in range(1200)]
    place = tmp_path / "years.csv"
    place.write_text("\n".join(["year,size,label", *rows]))
    text = client.get(f"/data/{send(house, place, checked)}").text
    assert "2007 · 2008 · 2009" in text and "2,007" not in text
    assert "4 rows have no target that can be learnt" in text and "4 rows were left out" in text
    assert "Counted on the training split." in text


def test_another_column_is_looked_at_at_once_and_nothing_starts_meanwhile(
    page: Client, house: House, in_app: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {**FACTS, "headings": ["size", "kind"], "target": "kind"}
    ready = DataSet("a-1", "a.csv", "upload", "/a.csv", 30_000_000, 0.0, READY, measuring=True, facts=facts)
    made = _Page(house, ready)
    made.draw()
    form, asked = made.form, []
    assert form is not None

    def check(name: str, wanted: Any) -> DataSet:
        assert form._held and form._button.props["disabled"]
        asked.append(wanted)
        return replace(ready, state=CHECKING, asked=wanted, facts={})

    monkeypatch.setattr(house.data, "check", check)
    in_app(made.meaning._changed, SimpleNamespace(args={"target": "size", "task": ""}))
    assert asked == [{"target": "size"}]
    assert made.form is None and "some minutes" in made.status.text


def test_the_wait_goes_by_the_size() -> None:
    sent = DataSet("a-1", "a", UPLOAD, "/a", 0, 0.0, CHECKING)
    assert [how_long(replace(sent, n_bytes=n)) for n in (10**5, 10**7, 10**8)] == [
        "This takes some seconds.",
        "This may take a minute.",
        "This may take some minutes, since they are large.",
    ]
    folder = replace(sent, origin=PATH)
    lists_pictures = replace(folder, n_bytes=40_000, asked={"image": "file"})
    assert how_long(folder) == how_long(lists_pictures) == "This may take some minutes."
    assert how_long(replace(folder, n_bytes=40_000)) == "This takes some seconds."


def test_data_that_lie_elsewhere_can_be_checked_again(page: Client, house: House, shown: Callable[[], str]) -> None:
    for origin, offered in ((UPLOAD, False), (PATH, True)):
        _Page(house, DataSet("a-1", "a.csv", origin, "/a.csv", 100, 0.0, READY, facts=FACTS)).draw()
        assert ("Check again" in shown()) is offered


def test_of_very_many_columns_it_is_said_how_many_are_shown(page: Client, shown: Callable[[], str]) -> None:
    column = {"kind": "number", "missing": 0, "distinct": 3, "minimum": 0.0, "median": 1.0, "maximum": 2.0}
    columns = [{**column, "name": f"c{i}"} for i in range(300)]
    names, ignored = [f"c{i}" for i in range(40)], [[f"i{i}", "is empty"] for i in range(50)]
    told = {"columns": columns, "rows": [["a"]], "shown": names, "ignored": ignored, "target": "t"}
    many = DataSet("a-1", "a", UPLOAD, "/a", 1, 0.0, READY, facts={**told, "n_columns": 2_000, "n_ignored": 51})
    _samples(many)
    assert {"The first 40 of 2,000 columns are shown.", "The first 300 of 2,000 columns"} <= {*shown().split("\n")}
    assert "1 more is not used." in shown() and "All columns" not in shown()


def test_of_few_columns_all_are_shown(page: Client, shown: Callable[[], str]) -> None:
    told = {"columns": [], "rows": [["a"]], "shown": ["c"], "ignored": [], "target": "t", "n_columns": 0}
    _samples(DataSet("a-1", "a", UPLOAD, "/a", 1, 0.0, READY, facts=told))
    assert "All columns" in shown() and "are shown" not in shown() and "more" not in shown()


def test_a_check_that_cannot_be_begun_says_why_and_nothing_starts(
    page: Client, house: House, in_app: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {**FACTS, "headings": ["size", "kind"], "target": "kind"}
    ready = DataSet("a-1", "a.csv", "upload", "/a.csv", 100, 0.0, READY, measuring=True, facts=facts)
    made = _Page(house, ready)
    made.draw()

    def full(name: str, wanted: Any) -> DataSet:
        raise Refusal(507, "disk", "No check can be begun.", "Make room.")

    monkeypatch.setattr(house.data, "check", full)
    in_app(made.ask, {"target": "size"})
    assert made.status.text == "No check can be begun. Make room."
    assert made.form is not None and made.form._held == "No check can be begun. Make room."


def test_classes_that_are_not_listed_may_be_as_large(page: Client, shown: Callable[[], str]) -> None:
    listed = 300
    counts = {split: [50] * listed for split in ("train", "valid", "test")}
    classes = [f"class {place}" for place in range(listed)]
    _balance({**FACTS, "findings": {**FACTS["findings"], "classes": classes, "counts": counts, "n_classes": 1_000}})
    assert "There are 700 more, none of them larger." in shown()
