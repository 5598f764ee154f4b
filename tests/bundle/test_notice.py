"""What has to be said of weights that were learnt from other data."""

from __future__ import annotations

import dataclasses
from importlib.resources import files
from pathlib import Path

import pytest

from archsmith.bundle.manifest import Origin
from archsmith.bundle.notice import TEXTS, notice

ORIGIN = Origin("a network", "Apache-2.0", "pictures of birds", "0123abcd", "It was made by a person.")
ROOT = Path(__file__).resolve().parents[2]


def test_everything_about_the_weights_is_said() -> None:
    text = notice(ORIGIN)
    for fact in dataclasses.asdict(ORIGIN).values():
        assert fact in text
    assert "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION" in text


def test_a_licence_whose_text_is_not_here_is_only_named() -> None:
    text = notice(dataclasses.replace(ORIGIN, licence="not recorded"))
    assert "licence: not recorded" in text and "TERMS AND CONDITIONS" not in text


@pytest.mark.parametrize("licence", TEXTS)
def test_the_text_of_every_licence_ships(licence: str) -> None:
    assert (files("archsmith.bundle") / TEXTS[licence]).is_file()


def test_the_text_of_apache_is_that_of_the_project_s_own_licence() -> None:
    ours = (files("archsmith.bundle") / TEXTS["Apache-2.0"]).read_text(encoding="utf-8")
    assert ours == (ROOT / "LICENSE").read_text(encoding="utf-8")
