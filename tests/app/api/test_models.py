from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from archsmith.app.api.base import create
from archsmith.app.house import House
from archsmith.app.settings import AppSettings


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, settle: Callable[[str, Path], str]) -> tuple[TestClient, str]:
    """An API with the model ``classes``, and the model's address."""
    workspace = tmp_path_factory.mktemp("api")
    id = settle("classes", workspace)
    return TestClient(create(House(AppSettings(workspace=str(workspace)))), raise_server_exceptions=False), (
        f"/api/v1/models/{id}"
    )


def test_models_are_listed_and_told(asked: tuple[TestClient, str]) -> None:
    client, address = asked
    (listed,) = client.get("/api/v1/models").json()["models"]
    assert address.endswith(listed["id"])
    told = client.get(address).json()
    assert told["classes"] == ["row", "column", "slope"] or len(told["classes"]) == 3
    assert {**told, **listed} == told


def test_a_model_that_is_not_there_is_refused(asked: tuple[TestClient, str]) -> None:
    answer = asked[0].get("/api/v1/models/nothing")
    assert answer.status_code == 404 and answer.json()["error"]["code"] == "no_model"


@pytest.mark.parametrize("id", ["..%2f..", "%2e%2e", "a%00b", "%3Cscript%3E", "x" * 300])
def test_an_id_that_is_no_file_name_never_reaches_the_disk(asked: tuple[TestClient, str], id: str) -> None:
    assert asked[0].get(f"/api/v1/models/{id}").status_code in (404, 422)


def test_thresholds_of_a_class_and_of_all(asked: tuple[TestClient, str]) -> None:
    client, address = asked
    assert client.get(f"{address}/thresholds").json()["label"] is None
    assert client.get(f"{address}/thresholds", params={"label": 1}).json()["label"] == 1
    assert client.get(f"{address}/thresholds", params={"label": -1}).status_code == 422
    assert client.get(f"{address}/thresholds", params={"label": 9}).status_code == 404


def test_a_mistake_is_shown_relabelled_and_taken_as_a_list(asked: tuple[TestClient, str]) -> None:
    client, address = asked
    first = client.get(f"{address}/mistakes", params={"limit": 1}).json()["mistakes"]["shown"][0]
    picture = client.get(f"{address}/mistakes/{first['index']}.png")
    assert picture.headers["content-type"] == "image/png" and picture.content.startswith(b"\x89PNG")
    said = client.put(f"{address}/mistakes/{first['index']}", json={"label": "=HYPERLINK(1)"})
    assert said.json() == {"relabels": {str(first["index"]): "=HYPERLINK(1)"}}
    answer = client.get(f"{address}/mistakes.csv")
    assert answer.headers["content-disposition"].startswith("attachment")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert rows[0]["your label"] == "'=HYPERLINK(1)"
    assert client.put(f"{address}/mistakes/{first['index']}", json={"label": None}).json() == {"relabels": {}}


def test_files_are_saved_and_not_shown(asked: tuple[TestClient, str]) -> None:
    client, address = asked
    listed = client.get(f"{address}/files").json()["files"]
    for file in listed:
        if file["name"] == "web.zip":
            continue
        answer = client.get(f"{address}/files/{file['name']}")
        assert answer.status_code == 200
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["content-type"] in ("application/zip", "application/octet-stream")
    content = client.get(f"{address}/files/bundle.zip").content
    assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None


@pytest.mark.parametrize("name", ["nothing", "..%2fgraph.json", "%2fetc%2fpasswd", "events.sqlite"])
def test_a_file_that_is_not_listed_is_refused(asked: tuple[TestClient, str], name: str) -> None:
    client, address = asked
    assert client.get(f"{address}/files/{name}").status_code == 404


def test_the_report_may_run_nothing(asked: tuple[TestClient, str]) -> None:
    client, address = asked
    assert client.get(f"{address}/report").text.startswith("<!")  # this bundle has none, but its study has
    (house_bundle,) = Path(client.get("/api/v1/about").json()["workspace"]).glob("studies/*/final/bundle")
    (house_bundle / "report.html").write_text("<script>alert(1)</script>", encoding="utf-8")
    answer = client.get(f"{address}/report")
    assert answer.text == "<script>alert(1)</script>"
    (house_bundle / "report.html").unlink()
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "sandbox" in policy
    assert "script" not in policy and "allow-same-origin" not in policy


def test_every_answer_of_a_model_is_described(asked: tuple[TestClient, str]) -> None:
    paths = asked[0].get("/api/v1/openapi.json").json()["paths"]
    described = {path.removeprefix("/api/v1") for path in paths}
    assert {"/models", "/models/{id}", "/models/{id}/predict", "/models/{id}/endpoint"} <= described
