from __future__ import annotations

from html import escape

from starlette.testclient import TestClient

from archsmith.app.drawings import Drawn
from archsmith.app.pages.network import counts
from archsmith.core.wording import GLOSSARY


def test_every_word_is_explained_in_the_frame(client: TestClient) -> None:
    text = client.get("/words").text
    assert all(escape(told) in text for told in GLOSSARY.values())
    assert "nicegui.js" not in text
    assert "/words" in client.get("/").text


def test_what_the_page_of_a_network_counts_is_explained() -> None:
    told = {name for name, _ in counts(Drawn(1, 1, 1, 1, ()))}
    assert {"parameters", "multiply-adds", "training keeps, one example"} <= told & set(GLOSSARY)
