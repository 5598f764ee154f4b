from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from archsmith.analysis import pages
from archsmith.core.errors import MissingExtraError


def test_a_file_is_replaced_whole_and_no_draft_stays(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "page.html"
    pages.write_whole(target, b"old")
    assert pages.write_whole(target, b"new").read_bytes() == b"new" and os.listdir(target.parent) == ["page.html"]


def test_a_place_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OSError):
        pages.write_whole(tmp_path / "file" / "page.html", b"new")
    assert os.listdir(tmp_path) == ["file"]


def test_every_value_is_escaped_unless_it_is_drawn_here() -> None:
    template = pages.environment("A page").from_string("{{ a }} {{ b }}")
    assert template.render(a="<b>", b=pages.safe("<svg/>")) == "&lt;b&gt; <svg/>"


def test_without_jinja2_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match="A page"):
        pages.environment("A page")
