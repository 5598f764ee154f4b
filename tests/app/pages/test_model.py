from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from archsmith.app.house import House


@pytest.fixture
def pages(
    house: House, client: TestClient, settle: Callable[[str, Path], str]
) -> Iterator[Callable[[str], tuple[str, Path]]]:
    """``pages("rows")`` is the text of that model's page, and the folder of its study."""
    settled = []

    def page(name: str) -> tuple[str, Path]:
        id = settle(name, house.workspace.path)
        settled.append(house.workspace.studies / id)
        answer = client.get(f"/models/{id}")
        assert answer.status_code == 200
        return answer.text, settled[-1]

    yield page
    for folder in settled:
        shutil.rmtree(folder)


def test_the_page_of_pictures_has_every_section(pages: Callable[[str], tuple[str, Path]]) -> None:
    text, study = pages("classes")
    for title in ("Quality", "The worst mistakes", "Try it", "Take it", "Serve it", "Card", "Cost", "Reproduce"):
        assert f'"{title}"' in text
    assert "data-picture" in text and f"/api/v1/models/{study.name}" in text
    assert "Class by class" in text and "Can its confidence be trusted?" in text


def test_the_page_of_a_number_shows_errors(pages: Callable[[str], tuple[str, Path]]) -> None:
    text, _ = pages("numbers")
    assert "How far off it is" in text and "Class by class" not in text


def test_the_page_of_rows_has_a_form_and_no_markup_of_the_data(pages: Callable[[str], tuple[str, Path]]) -> None:
    text, _ = pages("rows")
    assert "data-row" in text and "data-column" in text
    assert "Zürich" in text and "Zürich <b>" not in text


def test_a_model_that_is_not_there_has_a_page_that_says_so(client: TestClient) -> None:
    answer = client.get("/models/nothing")
    assert answer.status_code == 404
    assert "There is no model" in answer.text


def test_without_its_bundle_a_model_cannot_be_tried(
    house: House, client: TestClient, settle: Callable[[str, Path], str]
) -> None:
    id = settle("classes", house.workspace.path)
    folder = house.workspace.studies / id
    shutil.rmtree(folder / "final" / "bundle")
    text = client.get(f"/models/{id}").text
    shutil.rmtree(folder)
    assert "moved or deleted" in text and "Quality" in text
    assert "data-try" not in text and '"Take it"' not in text
