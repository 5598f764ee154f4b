"""What ``archsmith serve`` refuses before it serves. What it serves is tested in tests/server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn")

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "v1" / "bundle_classes"


@pytest.mark.parametrize(
    "words, said",
    [
        (["none"], "There is no bundle at"),
        ([FOLDER, FOLDER], "Two models are called 'bundle_classes'"),
        ([FOLDER, "--name", "a", "--name", "b"], "1 models and 2 names"),
        ([FOLDER, "--host", "0.0.0.0"], "can be reached from other machines, and no token is set"),
        ([FOLDER, "--host", "0.0.0.0", "--token-file", "short"], "shorter than 16"),
        ([FOLDER, "--token-file", "none"], "The token cannot be read from 'none'"),
        ([FOLDER, "--token-file", "empty"], "holds no token"),
        ([FOLDER, "--log", "xml"], "--log is 'xml'"),
        ([FOLDER, "--max-pixels", "nan"], "equal to 100"),
        ([FOLDER, "--max-pixels", "101"], "equal to 100"),
        ([FOLDER, "--seconds", "inf"], "inf seconds"),
        ([FOLDER, "--host", "no.such.host.invalid", "--token-file", "good"], "cannot listen on"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    archsmith: Callable[..., Any], tmp_path: Path, words: list[Any], said: str
) -> None:
    (tmp_path / "short").write_text("abc")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "good").write_text("x" * 32)
    ran = archsmith("serve", *words)
    assert ran.code == 2 and said in ran.err and len(ran.err.splitlines()) <= 2, ran.err


def test_more_requests_have_more_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    from archsmith.cli.serve import serve

    given: list[Any] = []
    monkeypatch.setattr("archsmith.server.run.serve", lambda models, names, settings, *rest: given.append(settings))
    serve([str(FOLDER)])
    serve([str(FOLDER)], queue=2000)
    assert [settings.connections for settings in given] == [512, 4000]


def test_a_token_may_come_from_the_environment(archsmith: Callable[..., Any], environment: dict[str, str]) -> None:
    environment["ARCHSMITH_TOKEN"] = "abc"
    assert "shorter than 16" in archsmith("serve", FOLDER).err


def test_without_the_extra_it_says_what_to_install(
    archsmith: Callable[..., Any], environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['orjson'] = None\n")
    environment["PYTHONPATH"] = f"{tmp_path}:{environment['PYTHONPATH']}"
    ran = archsmith("serve", FOLDER)
    assert ran.code == 2 and 'pip install "archsmith[serve]"' in ran.err
