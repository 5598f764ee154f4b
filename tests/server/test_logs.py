"""One line for each event, without what a request holds."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from archsmith.server.logs import Log


def test_json_lines() -> None:
    to = io.StringIO()
    Log("json", to).say("request", path="/x\n\x1b", ms=1.5, long="y" * 999)
    (line,) = to.getvalue().splitlines()
    found = json.loads(line)
    assert found["event"] == "request" and found["path"] == "/x\n\x1b" and len(found["long"]) == 200
    assert found["time"].endswith("+00:00")


def test_plain_lines_cannot_act() -> None:
    to = io.StringIO()
    Log("plain", to).say("request", path="/x\n\x1b[2J", model="")
    (line,) = to.getvalue().splitlines()
    assert line.endswith("request path=/x\\n\\x1b[2J")


def test_off_says_nothing() -> None:
    to = io.StringIO()
    Log("off", to).say("request")
    assert to.getvalue() == ""


@pytest.mark.parametrize("form", ["json", "plain"])
def test_no_payload_and_no_query_is_written(serving: Any, classes_folder: Any, form: str) -> None:
    asking = serving(classes_folder, form=form)
    asking("POST", "/v1/models/bundle_classes/predict", {"examples": [{"image": "secret"}]}, {"x-secret": "secret"})
    said = asking.log.getvalue()
    assert "secret" not in said and "422" in said and "bundle_classes" in said
