from __future__ import annotations

import os
from pathlib import Path

import pytest

from archsmith.app.alone import alone
from archsmith.core.errors import UsageError


def test_a_second_app_is_told_where_the_first_one_is(tmp_path: Path) -> None:
    with alone(tmp_path / "app") as opened:
        opened("http://127.0.0.1:8080")
        with pytest.raises(UsageError) as refused, alone(tmp_path / "app"):
            pass
    said = f"An app is open on this workspace already at http://127.0.0.1:8080 (process {os.getpid()} on "
    assert refused.value.message.startswith(said)


def test_one_that_has_not_opened_yet_is_in_the_way_as_well(tmp_path: Path) -> None:
    with (
        alone(tmp_path / "app"),
        pytest.raises(UsageError, match=r"already \(process"),
        alone(tmp_path / "app"),
    ):
        pass


def test_the_next_one_may_open_and_another_workspace_always(tmp_path: Path) -> None:
    with alone(tmp_path / "app"), alone(tmp_path / "other"):
        pass
    with alone(tmp_path / "app"):
        assert not (tmp_path / "app" / "address").exists()


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"), alone(tmp_path / "file" / "app"):
        pass
