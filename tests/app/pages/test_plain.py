from __future__ import annotations

from archsmith.app.pages.frame import FOOT, PLACES
from archsmith.app.pages.plain import plain


def test_it_has_the_frame_of_all_pages() -> None:
    text = plain("A < B", "<p>inside</p>")
    assert "<title>A &lt; B · Archsmith</title>" in text and "<h1>A &lt; B</h1>" in text and "<p>inside</p>" in text
    assert all(f'href="{path}"' in text for path in (*PLACES.values(), *FOOT.values()))
    assert "data-theme" in text
