"""Small pieces of pages, without a page."""

from __future__ import annotations

from archsmith.app.pages.network_parts import fitted, network_path, path_of, text

SVG = (
    '<svg width="{width}" height="90" style="max-width:100%;height:auto" role="img">'
    '<marker id="tip"/><path marker-end="url(#tip)"/></svg>'
)


def test_a_drawing_fits_its_page_and_stays_readable() -> None:
    wide = fitted(SVG.format(width=1000), "a", "whole")
    assert "min-width:600px" in wide and "max-width:1200px" in wide and "max-width:100%" not in wide
    assert "min-width:120px" in fitted(SVG.format(width=120), "a", "whole")


def test_marks_of_two_drawings_keep_apart() -> None:
    drawn = fitted(SVG.format(width=100), "b1", "whole")
    assert 'id="tip-b1"' in drawn and "url(#tip-b1)" in drawn and "url(#tip)" not in drawn


def test_a_name_cannot_leave_its_place() -> None:
    drawn = fitted(SVG.format(width=100), "a", 'x" onload="alert(1)')
    assert 'aria-label="x&quot; onload=&quot;alert(1)"' in drawn
    assert network_path("a/b?c", 3) == "/studies/a%2Fb%3Fc/networks/3"
    assert text("a\x1b[0m") == "a\\x1b[0m" and path_of("a/b\x1b") == "a/\u200bb\\x1b"
