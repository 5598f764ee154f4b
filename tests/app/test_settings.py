from pathlib import Path

import pytest

from archsmith.app.settings import AppSettings
from archsmith.core.errors import UsageError


def test_the_defaults_serve_this_machine_alone() -> None:
    settings = AppSettings()
    assert settings.is_loopback
    assert settings.allow_paths is None


def test_other_machines_are_not_served_without_a_token() -> None:
    with pytest.raises(UsageError, match="no token is set"):
        AppSettings(host="0.0.0.0")
    assert not AppSettings(host="0.0.0.0", token="a-token-of-24-characters").is_loopback


def test_a_short_token_is_refused() -> None:
    with pytest.raises(UsageError, match="shorter than"):
        AppSettings(token="short")


@pytest.mark.parametrize("name", ["upload_bytes", "quota_bytes", "request_bytes"])
def test_a_limit_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} is 0"):
        AppSettings(**{name: 0})  # type: ignore[arg-type]


def test_the_allowed_folder_is_kept_without_links(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert AppSettings(allow_paths=tmp_path / "link").allow_paths == (tmp_path / "real").resolve()


def test_an_allowed_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not there"):
        AppSettings(allow_paths=tmp_path / "missing")
