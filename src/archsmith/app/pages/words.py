"""``/words``: what the words on the pages mean."""

from __future__ import annotations

from html import escape

from fastapi.responses import HTMLResponse
from nicegui import app

from archsmith.app.house import House
from archsmith.app.pages.plain import plain
from archsmith.core.wording import GLOSSARY, sentence_case


def mount(house: House) -> None:
    """Make the page known."""

    @app.get("/words", include_in_schema=False)
    async def words() -> HTMLResponse:
        terms = "".join(
            f"<dt>{escape(sentence_case(word))}</dt><dd>{escape(told)}</dd>" for word, told in GLOSSARY.items()
        )
        return HTMLResponse(
            plain("Words on these pages", f'<section class="sheet"><dl class="words">{terms}</dl></section>')
        )
