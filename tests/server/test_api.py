"""Every route answers, and says of which model it speaks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


def test_all_models_and_one(serving: Any, classes_folder: Path, values_folder: Path) -> None:
    asking = serving(classes_folder, values_folder, names=("a", "b"))
    listed = asking("GET", "/v1/models").json["models"]
    assert [entry["name"] for entry in listed] == ["a", "b"]
    assert asking("GET", "/v1/models/b").json == listed[1] and listed[0]["refused"] is None


@pytest.mark.parametrize(
    "path", ["/v1/models/none", "/v1/models/..", "/v1/models/a/../b", "/v2/models/none", "/v2/models/none/ready"]
)
def test_models_that_are_not_there(digits: Any, path: str) -> None:
    assert digits("GET", path).status == 404


@pytest.mark.parametrize("path", ["/v1/models/none/predict", "/v2/models/none/infer", "/v1/models/%2e%2e/predict"])
def test_nothing_is_predicted_without_a_model(digits: Any, path: str) -> None:
    assert digits("POST", path, {"examples": [[[1]]]}).status == 404


def test_it_is_ready_until_it_ends(digits: Any) -> None:
    assert digits("GET", "/readyz").status == 200
    digits.app.api.closing = True
    assert digits("GET", "/healthz").status == 200
    for path in ("/readyz", "/v2/health/ready"):
        answer = digits("GET", path)
        assert answer.status == 503 and answer.headers["retry-after"] == "1"


def test_head_is_get_without_a_body(digits: Any) -> None:
    answer = digits("HEAD", "/v1/models")
    assert answer.status == 200 and answer.body == b"" and int(answer.headers["content-length"]) > 10


def test_a_model_of_tensors_only_does_not_predict(serving: Any, copied: Path) -> None:
    (copied / "manifest.json").unlink()
    asking = serving(copied, foreign=True)
    answer = asking("POST", "/v1/models/model/predict", {"examples": [[[1]]]})
    assert answer.status == 409 and "/v2/models/model/infer" in answer.json["error"]["hint"]
    assert asking("GET", "/v1/models/model").json["kind"] == "foreign"
    tensor = {"name": "image", "datatype": "UINT8", "shape": [3, 8, 8, 1], "data": [0] * 192}
    said = asking("POST", "/v2/models/model/infer", {"inputs": [tensor]}).json
    assert said["outputs"][0]["shape"][0] == 3


def test_the_document_is_json(digits: Any) -> None:
    assert json.loads(digits("GET", "/openapi.json").body)["openapi"] == "3.1.0"
