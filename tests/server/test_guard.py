"""Who may ask, under which name, from which pages."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

TOKEN = "a-token-of-good-length"
PATH = "/v1/models/bundle_classes/predict"
BODY = {"examples": [[[1]]]}


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST.", "127.1.1.1"]
)
def test_names_of_this_machine_are_answered(digits: Any, host: str) -> None:
    assert digits("GET", "/v1/models", headers={"host": host}).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "localhost.evil.example", "192.168.0.1", "2130706433"]
)
def test_other_names_are_not(digits: Any, host: str) -> None:
    assert digits("GET", "/v1/models", headers={"host": host}).status == 421
    assert digits("GET", "/healthz", headers={"host": host}).status == 421


@pytest.mark.parametrize("host", ["", "a b", "localhost:x", "localhost/x", "local\thost", "user@localhost", "[::1"])
def test_what_is_no_name_is_not(digits: Any, host: str) -> None:
    assert digits("GET", "/v1/models", headers={"host": host}).status == 400


def test_further_names_can_be_allowed(serving: Any, classes_folder: Path) -> None:
    asking = serving(classes_folder, hosts=("Models.Example",))
    assert asking("GET", "/v1/models", headers={"host": "models.example:80"}).status == 200


def test_addresses_are_answered_where_other_machines_may_ask(serving: Any, classes_folder: Path) -> None:
    asking = serving(classes_folder, host="0.0.0.0", token=TOKEN)
    given = {"authorization": f"Bearer {TOKEN}"}
    assert asking("GET", "/v1/models", headers={**given, "host": "192.168.0.1:8000"}).status == 200
    assert asking("GET", "/v1/models", headers={**given, "host": "evil.example"}).status == 421


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:9999", "http://localhost.evil", ""]
)
def test_pages_of_other_sites_may_not_write(digits: Any, origin: str) -> None:
    answer = digits("POST", PATH, BODY, {"origin": origin, "host": "localhost:8000"})
    assert (answer.status, answer.code) == (403, "origin")


def test_its_own_pages_and_programs_may(digits: Any) -> None:
    for origin in (None, "http://localhost:8000", "https://LOCALHOST:8000"):
        assert digits("POST", PATH, BODY, {"origin": origin, "host": "localhost:8000"}).status == 200


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        TOKEN,
        "Bearer",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Token {TOKEN}",
        "Basic !!",
        "Basic " + base64.b64encode(b"user:wrong").decode(),
        "Bearer \xff",
    ],
)
def test_without_the_token_nothing_is_said(serving: Any, classes_folder: Path, given: str | None) -> None:
    asking = serving(classes_folder, token=TOKEN)
    for method, path in (("GET", "/v1/models"), ("GET", "/metrics"), ("POST", PATH), ("GET", "/none")):
        answer = asking(method, path, headers={"authorization": given})
        assert (answer.status, answer.code) == (401, "token") and answer.headers["www-authenticate"] == "Bearer"


def test_with_the_token_all_is_said_and_health_needs_none(serving: Any, classes_folder: Path) -> None:
    asking = serving(classes_folder, token=TOKEN)
    basic = base64.b64encode(f"anybody:{TOKEN}".encode()).decode()
    for given in (f"Bearer {TOKEN}", f"bearer {TOKEN}", f"Basic {basic}"):
        assert asking("POST", PATH, BODY, {"authorization": given}).status == 200
    for path in ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"):
        assert asking("GET", path).status == 200


def test_pages_ask_browsers_for_a_password(serving: Any, classes_folder: Path) -> None:
    answer = serving(classes_folder, token=TOKEN)("GET", "/models/bundle_classes")
    assert answer.status == 401 and answer.headers["www-authenticate"].startswith("Basic")


def test_answers_carry_security_headers(digits: Any) -> None:
    for answer in (digits("GET", "/healthz"), digits("GET", "/none")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
