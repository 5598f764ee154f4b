"""The pages of comparisons."""

from __future__ import annotations

from starlette.testclient import TestClient


def test_all_are_listed_with_what_they_found(client: TestClient, compared: str) -> None:
    page = client.get("/comparisons")
    assert page.status_code == 200 and f"/comparisons/{compared}" in page.text and "random, local" in page.text


def test_one_shows_verdict_chart_and_tables(client: TestClient, compared: str) -> None:
    page = client.get(f"/comparisons/{compared}")
    for words in ("Comparison on toys", "The verdict", "Over time", "At the end", "Against random", "The whole report"):
        assert words in page.text
