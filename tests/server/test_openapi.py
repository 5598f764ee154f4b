"""The document names every route, and its own examples are answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from archsmith.server.openapi import document


@pytest.fixture
def asking(serving: Any, classes_folder: Path, values_folder: Path, people_folder: Path) -> Any:
    return serving(classes_folder, values_folder, people_folder)


def test_every_route_of_every_model_is_there(asking: Any) -> None:
    paths = asking("GET", "/openapi.json").json["paths"]
    given = {name: model.version for name, model in ((m.name, m) for m in asking.registry.models)}
    for route in asking.app.api.routes():
        for name, version in given.items():
            path = route.path.replace("{name}", name).replace("{version}", version)
            assert route.method.lower() in paths[path], path


def test_what_is_read_answers_200(asking: Any) -> None:
    paths = asking("GET", "/openapi.json").json["paths"]
    assert {asking("GET", path).status for path, entry in paths.items() if "get" in entry} == {200}


def test_the_example_of_every_schema_answers_200(asking: Any) -> None:
    paths = asking("GET", "/openapi.json").json["paths"]
    posts = {path: entry["post"] for path, entry in paths.items() if "post" in entry}
    assert len(posts) == 9
    for path, entry in posts.items():
        schema = entry["requestBody"]["content"]["application/json"]["schema"]
        answer = asking("POST", path, schema["example"])
        assert answer.status == 200, (path, answer.body)
        wanted = entry["responses"]["200"]["content"]["application/json"]["schema"]["required"]
        assert set(wanted) <= answer.json.keys()


def test_a_table_has_its_columns_in_the_schema(asking: Any) -> None:
    paths = asking("GET", "/openapi.json").json["paths"]
    body = paths["/v1/models/people/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    row = body["properties"]["examples"]["items"]
    assert row["required"] == ["age", "hired", "job"] == list(row["properties"])
    assert row["properties"]["age"]["type"] == ["number", "null"]


def test_a_picture_that_is_too_large_is_an_example_that_cannot_be_read(asking: Any) -> None:
    responses = asking("GET", "/openapi.json").json["paths"]["/v1/models/bundle_classes/predict"]["post"]["responses"]
    assert "picture" not in responses["413"]["description"]


def test_every_status_of_an_answer_is_named(asking: Any) -> None:
    paths = asking("GET", "/openapi.json").json["paths"]
    post = paths["/v1/models/people/predict"]["post"]
    for body in ({"examples": []}, {"examples": [{}]}, {"examples": [{}] * 2000}):
        answer = asking("POST", "/v1/models/people/predict", body)
        assert str(answer.status) in post["responses"]


def test_a_token_is_a_matter_of_the_document() -> None:
    assert document([], with_token=True)["security"] and "security" not in document([], with_token=False)
