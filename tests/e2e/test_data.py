"""The page of data in a browser: what it shows is what is learnt, and what was filled in survives a reload."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import App, Tab

pytestmark = pytest.mark.slow
SOON = 120_000  # milliseconds


@pytest.fixture
def tab(chromium: Any, tmp_path: Path) -> Iterator[Tab]:
    """A tab of an app of its own."""
    app = App(tmp_path / "workspace")
    context = chromium.new_context()
    context.set_default_timeout(SOON)
    yield Tab(context.new_page(), app.address)
    context.close()
    app.end()


def test_a_chosen_column_is_looked_at_and_a_start_is_told_after_a_reload(tab: Tab, tmp_path: Path) -> None:
    lines = "".join(f"{i % 7},{i * 1.5},{'ab'[i % 2]}\n" for i in range(120))
    (tmp_path / "things.csv").write_text(f"n,price,kind\n{lines}")
    page = tab.page
    tab.go("/new")
    page.set_input_files("[data-upload-file]", str(tmp_path / "things.csv"))
    page.wait_for_url(re.compile("/data/"))
    column, start = page.get_by_label("Column to be predicted"), page.get_by_role("button", name="Start the study")
    start.wait_for()
    assert column.input_value() == "kind"
    column.select_option("price")
    page.get_by_text("It stands in the column “price”").wait_for()
    start.wait_for()
    assert column.input_value() == "price"

    page.get_by_role("textbox", name="Another time").press_sequentially("45")
    page.get_by_text("is taken as 45 seconds").wait_for()
    page.reload()
    page.get_by_text("is taken as 45 seconds").wait_for()
    start.click()
    page.get_by_role("heading", name="is starting").wait_for()
    page.reload()
    page.get_by_role("heading", name="is starting").wait_for()
    assert start.is_disabled()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("heading", name="is starting").wait_for(state="detached")
    assert start.is_enabled()
    assert not tab.wrong and not tab.foreign
