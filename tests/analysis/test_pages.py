from __future__ import annotations

import sys

import pytest

from archsmith.analysis import pages
from archsmith.core.errors import MissingExtraError


def test_every_value_is_escaped_unless_it_is_drawn_here() -> None:
    template = pages.environment("A page").from_string("{{ a }} {{ b }}")
    assert template.render(a="<b>", b=pages.safe("<svg/>")) == "&lt;b&gt; <svg/>"


def test_without_jinja2_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match="A page"):
        pages.environment("A page")
