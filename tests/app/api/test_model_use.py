from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from archsmith.app.api import model_use
from archsmith.app.api.base import create
from archsmith.app.endpoints import Endpoint, Endpoints
from archsmith.app.house import House
from archsmith.app.settings import AppSettings


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, settle: Callable[[str, Path], str]) -> tuple[TestClient, str, str]:
    """An API with two models, and the addresses of the one of pictures and of the one of rows."""
    workspace = tmp_path_factory.mktemp("use")
    pictures, rows = settle("classes", workspace), settle("rows", workspace)
    client = TestClient(create(House(AppSettings(workspace=str(workspace)))), raise_server_exceptions=False)
    return client, f"/api/v1/models/{pictures}", f"/api/v1/models/{rows}"


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("L", (8, 8), 90).save(file, "PNG")
    return file.getvalue()


def test_a_picture_as_it_is_gets_a_prediction(asked: tuple[TestClient, str, str]) -> None:
    client, pictures, _ = asked
    said = client.post(f"{pictures}/predict", content=picture(), headers={"content-type": "image/png"}).json()
    assert said["label"] == said["probabilities"][0]["name"] and said["milliseconds"] > 0
    top = client.post(f"{pictures}/predict?top=1", content=picture(), headers={"content-type": "image/png"}).json()
    assert len(top["probabilities"]) == 1


def test_a_row_gets_a_prediction(asked: tuple[TestClient, str, str]) -> None:
    client, _, rows = asked
    row = {"age": 40, "income": None, "city": "Bern", "member": "yes", "since": "2020-05-01"}
    assert client.post(f"{rows}/predict", json=row).json()["n_classes"] == 3


def test_a_form_with_one_file_gets_a_prediction(asked: tuple[TestClient, str, str]) -> None:
    client, pictures, rows = asked
    said = client.post(f"{pictures}/predict", files={"files": ("a.png", picture(), "image/png")})
    assert said.json()["label"] and said.status_code == 200
    row = ("row.json", b'{"age": 40, "income": null, "city": "Bern", "member": "yes", "since": "2020-05-01"}')
    assert client.post(f"{rows}/predict", files={"file": row}).json()["n_classes"] == 3
    two = [("file", ("a.png", picture())), ("file", ("b.png", picture()))]
    assert client.post(f"{pictures}/predict", files=two).status_code in (400, 413)
    more = client.post(f"{pictures}/predict", files={"file": ("a.png", picture())}, data={"top": "3"})
    assert "curl -F file=@picture.png" in more.json()["error"]["hint"]


def test_where_a_picture_matters_is_told(asked: tuple[TestClient, str, str]) -> None:
    client, pictures, _ = asked
    said = client.post(f"{pictures}/occlusion", content=picture(), headers={"content-type": "image/png"}).json()
    assert len(said["fall"]) == said["grid"]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"content-type": "image/png"}, b"no picture", 422),
        ({"content-type": "application/json"}, b"{", 400),
        ({"content-type": "multipart/form-data; boundary=x"}, b"--x--", 400),
        ({"content-type": "application/x-www-form-urlencoded"}, b"a=1", 415),
        ({"content-type": "image/png", "content-encoding": "gzip"}, b"", 415),
        ({}, b"", 422),
    ],
)
def test_what_cannot_be_read_is_refused(
    asked: tuple[TestClient, str, str], headers: dict[str, str], body: bytes, status: int
) -> None:
    client, pictures, _ = asked
    answer = client.post(f"{pictures}/predict", content=body, headers=headers)
    assert answer.status_code == status and answer.json()["error"]["message"]


def test_the_time_of_a_prediction_is_told(asked: tuple[TestClient, str, str]) -> None:
    assert asked[0].get(f"{asked[1]}/latency").json()["milliseconds"] > 0


def test_a_server_is_started_looked_at_and_stopped(
    asked: tuple[TestClient, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, pictures, _ = asked
    calls: list[str] = []

    def done(name: str) -> Callable[[Any, str], Endpoint]:
        def act(self: Any, id: str) -> Endpoint:
            calls.append(name)
            return Endpoint(
                running=name != "stop",
                address=None,
                curl=None,
                since=None,
                requests=0,
                examples=0,
                refused=0,
                error=None,
            )

        return act

    for name in ("get", "start", "stop"):
        monkeypatch.setattr(Endpoints, name, done(name))
    assert client.post(f"{pictures}/endpoint").json()["running"] is True
    assert client.get(f"{pictures}/endpoint").json()["running"] is True
    assert client.delete(f"{pictures}/endpoint").json()["running"] is False
    assert calls == ["start", "get", "stop"]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_what_is_no_model_is_not_served(asked: tuple[TestClient, str, str], method: str) -> None:
    assert asked[0].request(method, "/api/v1/models/nothing/endpoint").status_code == 404


def test_the_body_is_described() -> None:
    for example in (model_use.EXAMPLE, model_use.IMAGE):
        assert set(model_use._body_of(example)["requestBody"]["content"]) == {
            "multipart/form-data",
            "application/json",
            "image/*",
            "application/octet-stream",
        }
