"""Markdown from outside as elements of a page, such as a model card: headings, lists, tables and plain words.

Nothing of it acts: HTML in it is text, links and pictures are not read, and every word goes through ``Words``.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from nicegui.element import Element

from archsmith.app.pages.frame import Words, box
from archsmith.app.pages.pieces import scrolling
from archsmith.core.wording import visible

CONTAINERS = frozenset(
    ("p", "ul", "ol", "li", "blockquote", "thead", "tbody", "tr", "th", "td", "h1", "h2", "h3", "h4", "h5", "h6")
)
MOST = 5000  # elements; a card has some hundred
MOST_LETTERS = 20_000  # of a text that has more
INLINE = {"strong_open": "strong", "em_open": "em"}


def markdown(text: str, below: int = 0, label: str = "Table") -> None:
    """Show ``text``. Its headings are ``below`` levels deeper; ``label`` names its tables."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "link", "autolink"])
    text = visible(text, but="\n\t")
    tokens = parser.parse(text)
    if sum(1 + len(token.children or ()) for token in tokens) > MOST:
        Words("pre", text[:MOST_LETTERS], props='tabindex="0"')
        return
    n_tables = 0
    open_boxes: list[ExitStack] = []
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type in ("fence", "code_block"):
            Words("pre", token.content.rstrip("\n"), props='tabindex="0"')
        elif token.type == "inline":
            _inline(token.children or ())
        elif token.nesting > 0:
            stack = ExitStack()
            if token.tag == "table":
                n_tables += 1
                stack.enter_context(scrolling(label if n_tables == 1 else f"{label} {n_tables}"))
            is_empty = following is not None and following.type == "inline" and not following.content
            stack.enter_context(box("td") if token.tag == "th" and is_empty else _box(token, below))
            open_boxes.append(stack)
        elif token.nesting < 0:
            open_boxes.pop().close()


def _box(token: Any, below: int) -> Element:
    tag = token.tag
    if tag not in CONTAINERS and tag != "table":
        return box("div")
    if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
        return box(f"h{min(6, int(tag[1]) + below)}")
    return box(tag, props='scope="col"' if tag == "th" else "")


def _inline(tokens: Sequence[Any]) -> None:
    open_boxes: list[Element] = []
    for token in tokens:
        if token.type in INLINE:
            open_boxes.append(box(INLINE[token.type]).__enter__())
        elif token.type.endswith("_close") and open_boxes:
            open_boxes.pop().__exit__(None, None, None)
        elif token.type == "code_inline":
            Words("code", token.content)
        elif token.type in ("softbreak", "hardbreak"):
            Words("span", " ")
        elif token.content:
            Words("span", token.content)
