"""What a server may be told, and what it may not."""

from __future__ import annotations

from typing import Any

import pytest

from archsmith.core.errors import UsageError
from archsmith.server.settings import Settings, cores, is_loopback


def test_it_listens_on_this_machine_with_all_cores() -> None:
    settings = Settings()
    assert settings.is_loopback and settings.threads == cores() >= 1


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org", ""])
def test_another_host_needs_a_token(host: str) -> None:
    with pytest.raises(UsageError, match="no token is set"):
        Settings(host=host)
    assert not Settings(host=host, token="x" * 16).is_loopback


@pytest.mark.parametrize(
    "given, said",
    [
        ({"token": "short"}, "shorter than 16"),
        ({"token": "ü" * 20}, "not made of ASCII"),
        ({"batch": 0}, "batch is 0"),
        ({"threads": 0}, "threads is 0"),
        ({"seconds": 0.0}, "0.0 seconds"),
        ({"seconds": float("nan")}, "nan seconds"),
        ({"seconds": float("inf")}, "inf seconds"),
        ({"window_ms": -1.0}, "-1.0 ms"),
        ({"window_ms": float("inf")}, "inf ms"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Settings(**given)
