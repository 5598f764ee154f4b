"""What Prometheus is told."""

from __future__ import annotations

from typing import Any

from archsmith.server.metrics import Metrics


def test_answers_examples_and_calls_are_counted(digits: Any) -> None:
    digits("POST", "/v1/models/bundle_classes/predict", {"examples": [[[1]], [[2]]]})
    digits("POST", "/v1/models/bundle_classes/predict", {"examples": []})
    page = digits("GET", "/metrics")
    assert page.headers["content-type"].startswith("text/plain")
    lines = page.body.decode().splitlines()
    for line in (
        'archsmith_requests_total{model="bundle_classes",status="200"} 1.0',
        'archsmith_requests_total{model="bundle_classes",status="400"} 1.0',
        'archsmith_examples_total{model="bundle_classes"} 2.0',
        'archsmith_call_examples_count{model="bundle_classes"} 1.0',
        'archsmith_versions_total{model="bundle_classes",result="loaded"} 1.0',
        "archsmith_requests_in_flight 0.0",
    ):
        assert line in lines


def test_nobody_can_make_labels(digits: Any) -> None:
    for path in ("/v1/models/mine/predict", "/none", "/v2/models/other"):
        digits("GET", path)
    assert b"mine" not in digits("GET", "/metrics").body


def test_requests_in_flight_are_asked_for() -> None:
    metrics = Metrics()
    metrics.in_flight(lambda: 7)
    assert b"archsmith_requests_in_flight 7.0" in metrics.page().body
