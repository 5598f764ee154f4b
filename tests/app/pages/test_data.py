"""The page of data, without a browser: what its first answer holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from archsmith.app.datasets import DataSet
from archsmith.app.house import House

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
    assert "size, 0 to" in text


def test_refused_data_say_why_and_let_the_column_be_chosen(
    client: TestClient, house: House, table: Path, checked: Checked
) -> None:
    text = client.get(f"/data/{send(house, table, checked)}").text
    assert "the target may be the column" in text
    assert "Choose it below" in text
    assert "choose a column" in text and "Check again" not in text
    assert "Start the study" not in text


def test_words_of_the_data_are_no_markup(client: TestClient, house: House, zipped: Path, checked: Checked) -> None:
    text = client.get(f"/data/{send(house, zipped, checked)}").text
    assert "<b>square" not in text
