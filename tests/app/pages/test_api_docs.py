from __future__ import annotations

import dataclasses
from html import escape, unescape
from typing import Any

from starlette.testclient import TestClient

from archsmith.app.pages.api_docs import curl, page
from archsmith.automl.settings import FitSettings
from archsmith.core.wording import sentence_case

BASE = "http://127.0.0.1:8080"


def line(client: TestClient, method: str, path: str) -> str:
    document = client.get("/api/v1/openapi.json").json()
    return curl(document, BASE, path, method, document["paths"][path][method.lower()])


def test_every_address_stands_there_with_a_line_to_copy(client: TestClient) -> None:
    text = unescape(client.get("/api/docs").text)
    for each in client.get("/api/v1").json()["addresses"]:
        assert f"<code>{each['method']} {each['path']}</code>" in text
        assert each["says"] in text
    assert "curl http://testserver/api/v1/studies" in text


def test_lines_are_what_curl_takes(client: TestClient) -> None:
    assert line(client, "POST", "/api/v1/data") == f"curl {BASE}/api/v1/data -F file=@FILE"
    begin = f"curl {BASE}/api/v1/studies -H 'Content-Type: application/json' -d '{{\"data\": \"digits\"}}'"
    assert line(client, "POST", "/api/v1/studies") == begin
    assert line(client, "DELETE", "/api/v1/studies/{study}") == f"curl -X DELETE {BASE}/api/v1/studies/STUDY"
    assert line(client, "GET", "/api/v1/studies/{id}/events") == f"curl -N {BASE}/api/v1/studies/STUDY/events"
    assert line(client, "GET", "/api/v1/differences") == f"curl '{BASE}/api/v1/differences?study=STUDY&a=A&b=B'"
    predict = line(client, "POST", "/api/v1/models/{id}/predict").splitlines()
    assert predict[0].endswith("/models/MODEL/predict -F file=@FILE") and predict[1].endswith("-d @ROW.json")
    occlusion = line(client, "POST", "/api/v1/models/{id}/occlusion").splitlines()
    assert occlusion[1].endswith('-d \'{"image": "BASE64"}\'')  # no row: it takes pictures


def test_fields_of_a_study_are_listed_with_their_meaning(client: TestClient) -> None:
    text = unescape(client.get("/api/docs").text)
    for entry in dataclasses.fields(FitSettings):
        if entry.name in ("ignore", "seconds", "balance"):
            assert f"<dt><code>{entry.name}</code></dt><dd>{sentence_case(entry.metadata['help'])}" in text
    assert "<dt><code>data</code></dt>" in text and "Has to be given." in text


def test_it_runs_no_script_but_ours_and_is_linked(client: TestClient, gated: Any) -> None:
    answer = gated().get("/api/docs")
    assert "script-src 'self';" in answer.headers["content-security-policy"]
    assert answer.text.count("<script") == 1 and 'src="/assets/app.js"' in answer.text
    assert "nicegui.js" not in answer.text
    for path in ("/", "/new", "/comparisons", "/nothing", "/words"):
        assert "/api/docs" in client.get(path).text, path


def test_what_stands_in_the_document_is_text() -> None:
    what = {"summary": "<b>", "responses": {"200": {}}, "tags": ["<i>"]}
    text = page({"paths": {"/api/v1/<script>": {"get": what}}}, BASE)
    assert "<script>" not in text and "<b>" not in text and "<i>" not in text and escape("<script>") in text
