from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from archsmith.app.house import House
from archsmith.runtime.sqlite import SqliteStore


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


def test_a_study_that_runs_is_not_said_to_have_more_time(
    house: House, client: TestClient, settle: Callable[[str, Path], str]
) -> None:
    """It may be its first run, which has its report to write."""
    id = settle("classes", house.workspace.path)
    store = SqliteStore(house.workspace.studies / id)
    store.acquire()
    text = client.get(f"/models/{id}").text
    store.release()
    store.close()
    shutil.rmtree(store.folder)
    assert "Its study is running" in text and "more time and" not in text


@pytest.mark.slow
def test_a_person_moves_the_slider_tries_and_relabels_in_chromium(
    environment: dict[str, str], tmp_path: Path, settle: Callable[[str, Path], str]
) -> None:
    """Needs chromium and the package playwright (extra ``e2e``)."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra e2e")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs chromium")
    rows, pictures = settle("rows", tmp_path / "ws"), settle("classes", tmp_path / "ws")
    Image.new("L", (8, 8), 90).save(tmp_path / "new.png")
    command = [sys.executable, "-m", "archsmith", "app", "--port", "0", "--workspace", str(tmp_path / "ws")]
    app = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
    try:
        assert app.stdout is not None
        address = next(word for word in app.stdout.readline().split() if word.startswith("http://"))
        with playwright.sync_playwright() as running:
            page = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"]).new_page()
            wrong: list[str] = []
            page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
            page.on("pageerror", lambda error: wrong.append(str(error)))

            page.goto(f"{address}/models/{rows}")
            page.locator("[data-column=age]").fill("77")  # typed words outlast what else changes on the page
            slider = page.locator("input[type=range]")
            slider.focus()
            for _ in range(20):
                page.keyboard.press("ArrowRight")
            page.get_by_text("Least probability: 0.70").wait_for()
            assert slider.input_value() == "70" and page.locator("[data-column=age]").input_value() == "77"
            page.get_by_role("button", name="Predict").click()
            page.locator("[data-result] li").nth(2).wait_for()
            field = page.locator(".really").first
            field.fill("never")
            field.press("Enter")
            page.get_by_text("Kept.").wait_for()

            page.goto(f"{address}/models/{pictures}")
            page.set_input_files("[data-picture]", str(tmp_path / "new.png"))
            page.get_by_role("button", name="Show where it looks").click()
            page.locator("[data-status]", has_text="of the picture").wait_for()
            with page.expect_download() as waiting:
                page.get_by_role("link", name="bundle.zip").click()
            assert zipfile.ZipFile(waiting.value.path()).testzip() is None
            assert wrong == []
    finally:
        app.terminate()
        app.wait(30)
        if app.stdout is not None:
            app.stdout.close()
