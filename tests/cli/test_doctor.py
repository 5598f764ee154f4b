from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from archsmith.cli import doctor
from archsmith.version import VERSION


def test_the_report_tells_versions_machine_and_extras(command: Any) -> None:
    answer = command("doctor", "--json")
    report = answer.json
    assert (answer.code, report["archsmith"], report["broken"]) == (0, VERSION, [])
    assert report["machine"]["cores_usable"] >= 1
    assert report["machine"]["disk_free_gb"] > 0
    assert {extra["name"] for extra in report["extras"]} == set(doctor.EXTRAS)


def test_a_missing_extra_is_named_with_its_install_line(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor.EXTRAS, "ray", ("no_such_package_anywhere",))
    answer = command("doctor")
    assert answer.code == 0
    assert 'pip install "archsmith[ray]"' in answer.out
    assert "no_such_package_anywhere" in answer.out


def test_a_broken_base_fails(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "BASE", ("numpy", "no_such_package_anywhere"))
    answer = command("doctor", "--json")
    assert (answer.code, answer.json["broken"]) == (1, ["no_such_package_anywhere"])


def test_a_workspace_that_does_not_exist_yet_is_measured_where_it_will_be(command: Any, tmp_path: Any) -> None:
    report = command("doctor", "--workspace", tmp_path / "not" / "yet", "--json").json
    assert report["workspace"] == str(tmp_path / "not" / "yet")
    assert not (tmp_path / "not").exists()


def test_the_workspace_is_the_one_that_all_commands_take(
    command: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHSMITH_WORKSPACE", str(tmp_path / "there"))
    assert command("doctor", "--json").json["workspace"] == str(tmp_path / "there")


def test_a_torch_that_cannot_be_imported_is_told(command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('libcudart.so.12: cannot open shared object file')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    answer = command("doctor", "--json")
    report = answer.json
    (train,) = [extra for extra in report["extras"] if extra["name"] == "train"]
    assert (answer.code, report["torch"], train["complete"]) == (0, None, False) and "torch" in train["missing"]
    assert "libcudart.so.12: cannot open shared object file" in " ".join(report["warnings"])
    assert "cannot be imported" in command("doctor").out
