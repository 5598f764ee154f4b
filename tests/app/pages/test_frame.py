from __future__ import annotations

from starlette.testclient import TestClient


def test_words_are_never_markup(client: TestClient) -> None:
    from nicegui import ui

    from archsmith.app.pages.frame import Words, frame

    @ui.page("/framed")
    def framed() -> None:
        with frame("<i>Title</i>"):
            Words("p", "<script>alert(1)</script>")

    text = client.get("/framed").text
    assert "<script>alert" not in text
    assert "<i>Title" not in text
