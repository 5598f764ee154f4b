"""Elements of NiceGUI without a browser: they are made inside a client that nobody has connected to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from nicegui import Client, ui
from starlette.testclient import TestClient


@pytest.fixture
def page(client: TestClient) -> Iterator[Client]:
    """A page that elements are made in. The app has been made before, since NiceGUI needs one."""
    with Client(ui.page("/never-asked-for")) as made:
        yield made
    made.delete()


def words(page: Client) -> str:
    """All texts of a page, in the order of their elements."""
    texts = (getattr(element, "text", "") for element in page.elements.values())
    return "\n".join(text for text in texts if text)


@pytest.fixture
def shown(page: Client) -> object:
    """Says what the page shows, as text."""
    return lambda: words(page)
