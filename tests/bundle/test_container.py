from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from archsmith.bundle.container import dockerfile, requirements, service
from archsmith.bundle.manifest import DOCKERFILE, REQUIREMENTS, check_files
from archsmith.version import VERSION

ROOT = Path(__file__).resolve().parents[2]


def lines(word: str, text: str) -> list[str]:
    return [line.removeprefix(word + " ") for line in text.splitlines() if line.startswith(word + " ")]


def test_the_server_is_a_user_without_rights_that_needs_a_token() -> None:
    text = dockerfile("digits")
    assert lines("USER", text) == ["archsmith"]
    (command,) = lines("CMD", text)
    words = json.loads(command)
    assert words[:3] == ["archsmith", "serve", "/srv/digits"] and words[words.index("--host") + 1] == "0.0.0.0"
    assert "ARCHSMITH_TOKEN=" not in text  # a secret is no part of an image
    assert text.index("\nUSER") < text.index("\nCMD")


def test_its_health_is_asked_for() -> None:
    (check,) = re.findall(r"HEALTHCHECK .*\\\n +CMD (.*)", dockerfile("digits"))
    assert json.loads(check)[0] == "python" and "/readyz" in check


def test_the_version_is_pinned() -> None:
    assert requirements().splitlines()[-1] == f"archsmith[serve]=={VERSION}"


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("digits", "digits"),
        ("Fashion MNIST / 3", "fashion-mnist-3"),
        ("x\nRUN rm -rf /", "x-run-rm-rf"),
        ("../..", "model"),
        ("花", "model"),
        ("a" * 59 + "-b", "a" * 59),
    ],
)
def test_a_name_cannot_add_an_instruction(name: str, called: str) -> None:
    assert service(name) == called
    assert len(dockerfile(name).splitlines()) == len(dockerfile("x").splitlines())


def test_every_bundle_has_both_and_a_change_of_them_is_no_damage(exported: Any, people: Any) -> None:
    for bundle in (exported, people):
        assert "archsmith[serve]" in (bundle.folder / REQUIREMENTS).read_text()
        assert f"/srv/{bundle.facts.name}" in (bundle.folder / DOCKERFILE).read_text()
        assert not {DOCKERFILE, REQUIREMENTS} & set(check_files(bundle.folder).files)


@pytest.mark.slow
def test_its_steps_work_in_a_clean_environment_without_torch(exported: Any, environment: dict[str, str]) -> None:
    """Installs from the package index, and takes a minute or two."""
    command = [sys.executable, str(ROOT / "benchmarks" / "serve_clean.py"), str(exported.folder), "--no-history"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, env=environment)
    if re.search("No matching distribution|Could not fetch|Connection", done.stderr):
        pytest.skip("the package index cannot be reached")
    assert "without torch" in done.stdout and "start to first prediction" in done.stdout, done.stderr
