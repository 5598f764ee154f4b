from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from starlette.testclient import TestClient

from archsmith.app.house import House
from archsmith.core.errors import StudyError


def told(study: str, **other: Any) -> dict[str, Any]:
    row = {"state": "finished", "reason": None, "n_finished": 3, "data": "digits", "metric": "accuracy", "score": 0.5}
    return {"study": study, "tested": True, "changed": 0.0, **row, **other}


def show(house: House, monkeypatch: pytest.MonkeyPatch, *rows: dict[str, Any]) -> None:
    monkeypatch.setattr(house, "studies", SimpleNamespace(list=lambda: list(rows)), raising=False)


def test_the_first_time_a_sample_is_offered(client: TestClient, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    show(house, monkeypatch)
    answer = client.get("/")
    assert answer.status_code == 200
    assert "Try the sample: 2 minutes" in answer.text
    assert "1,797 small pictures" in answer.text


def test_studies_are_listed(client: TestClient, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    show(house, monkeypatch, told("digits-1"), told("own-2", state="running", score=None))
    text = client.get("/").text
    assert "digits-1" in text and "/studies/own-2" in text
    assert "accuracy 50\xa0% on the test split" in text


def test_a_name_is_words(client: TestClient, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    show(house, monkeypatch, told("<img src=x onerror=alert(1)>", data='"><script>alert(1)</script>'))
    text = client.get("/").text
    assert "<img src=x" not in text and "<script>alert" not in text
    assert "/studies/%3Cimg%20src%3Dx%20onerror%3Dalert%281%29%3E" in text


def test_a_long_list_has_pages(client: TestClient, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    show(house, monkeypatch, *(told(f"study-{i}") for i in range(60)))
    text = client.get("/?offset=25").text
    assert "study-25" in text and "study-24" not in text and "study-50" not in text
    assert "26 to 50 of 60" in text and "/?offset=50" in text
    assert client.get("/?offset=-5").status_code == client.get("/?offset=999999999999").status_code == 200
    assert client.get("/?offset=x").status_code == 422


def test_studies_that_cannot_be_read_are_no_error_of_the_page(
    client: TestClient, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> Any:
        raise StudyError("The folder is locked.", "Unlock it.")

    monkeypatch.setattr(house, "studies", SimpleNamespace(list=fails), raising=False)
    answer = client.get("/")
    assert answer.status_code == 200
    assert "The studies cannot be read. The folder is locked. Unlock it." in answer.text
