"""The page of one model: try it, what it must not be used for, how good it is, its network, its card.

Two places use it: the folder of ``archsmith bundles web``, where the browser predicts, and the model server, which
predicts itself. A bundle may come from anybody, so every text of it is escaped, its card may hold no HTML, links or
pictures, and no script on the page builds HTML from texts. Needs nothing that the predictor does not need.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from archsmith.bundle import card
from archsmith.bundle.card_scores import scores
from archsmith.bundle.manifest import CARD, Manifest
from archsmith.core.errors import ArchsmithError
from archsmith.core.files import reading
from archsmith.core.wording import visible

SITE = files("archsmith.bundle") / "site"
MAX_CARD_BYTES = 2**18  # of MODEL_CARD.md; ours take a few kB
# Nothing from elsewhere, no script and no style within the page.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "worker-src 'self'; base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True)
class Surroundings:
    """What differs between the places of a page; all of it HTML.

    ``assets``: where style and scripts lie, with a slash at its end; empty for beside the page.
    ``drawing``: address of the drawing of the network; empty for none.
    ``needed``: what a browser needs that does not run the script.
    ``foot``: the last line.
    ``policy``: what stands in the head for the Content-Security-Policy, where no header does.
    ``above``, ``below``: more, before the title and before the card.
    """

    assets: str
    drawing: str
    needed: str
    foot: str
    policy: str = ""
    above: str = ""
    below: str = ""


def page(manifest: Manifest, name: str, card_text: str, around: Surroundings) -> str:
    """The HTML of the page. ``name``: of the model. ``card_text``: of ``MODEL_CARD.md``. Raises DataError where the
    manifest holds no facts that can be told.
    """
    drawing = (
        '<section aria-labelledby="network">\n<h2 id="network">The network</h2>\n'
        f'<img class="drawing" src="{around.drawing}" alt="Drawing of the network, from its input to its output">\n'
        "</section>"
        if around.drawing
        else ""
    )
    # what a run wrote down of itself is as foreign as all else
    with reading("What the manifest of the bundle tells of its run is damaged", "Copy or export the bundle again."):
        return template("page.html").substitute(
            name=plain(name),
            summary=without_paragraph(rendered(card.summary(manifest))),
            fields=fields(manifest),
            limits=rendered(card.limits(manifest)),
            scores=rendered(scores(manifest)),
            drawing=drawing,
            card=rendered(card_text, below=1),
            about=about(manifest),
            assets=around.assets,
            needed=around.needed,
            foot=around.foot,
            policy=around.policy,
            above=around.above,
            below=around.below,
        )


def name_of(manifest: Manifest) -> str:
    """What the bundle calls itself."""
    return manifest.facts.name or str(manifest.facts.data.get("name") or "") or card.title(manifest)


def template(name: str) -> Template:
    """A template that ships."""
    return Template((SITE / name).read_text(encoding="utf-8"))


def plain(text: str) -> str:
    """Text from outside as HTML."""
    return escape(visible(text))


def rendered(markdown: str, below: int = 0) -> str:
    """Markdown from outside as HTML: headings ``below`` levels deeper, tables that scroll, and nothing that loads or
    leads anywhere.
    """
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "link", "autolink"])
    tokens = parser.parse(visible(markdown, but="\n\t"))
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1:]) + below)}"
    html: str = parser.renderer.render(tokens, parser.options, {})
    return html.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")


def without_paragraph(html: str) -> str:
    """The inside of the only paragraph."""
    return html.strip().removeprefix("<p>").removesuffix("</p>")


def card_of(folder: Path) -> str:
    """The text of ``MODEL_CARD.md``; empty where there is none that can be read."""
    path = folder / CARD
    try:
        if not path.is_file() or path.stat().st_size > MAX_CARD_BYTES:
            return ""
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def drawing_of(manifest: Manifest) -> str | None:
    """The network as SVG; None where the bundle does not say what it is."""
    from archsmith.bundle.graph import graph_of  # only a page that is asked for takes the time of these
    from archsmith.graphs.drawing import draw

    try:
        return draw(graph_of(manifest, "bundle"))
    except ArchsmithError:
        return None


# The form


def about(manifest: Manifest) -> str:
    """What the scripts need to know, as JSON that may stand in an HTML page."""
    output = manifest.output
    given = {"target": output.target} if output.is_regression else {"classes": list(output.classes)}
    text = json.dumps({**manifest.intake.form(), "output": output.name, **given})
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def fields(manifest: Manifest) -> str:
    """The inside of the form."""
    form = manifest.intake.form()
    if "columns" in form:
        rows = "\n".join(_field(place, column) for place, column in enumerate(form["columns"]))
        return f'<div class="fields">\n{rows}\n</div>\n<button>Predict</button>'
    return (
        '<label class="drop"><span>Choose a picture, or drop or paste one here.</span>'
        '<input type="file" name="picture" accept="image/*"></label>\n'
        '<img class="preview" alt="The picture that was chosen" hidden>'
    )


def _field(place: int, column: Mapping[str, Any]) -> str:
    name, hint = f"column{place}", ""
    if "categories" in column:
        options = "".join(f'<option value="{i}">{plain(text)}</option>' for i, text in enumerate(column["categories"]))
        control = f'<select name="{name}">{options}<option value="">missing or another</option></select>'
    else:
        kind = 'type="date"' if column["is_date"] else 'type="text" inputmode="decimal" autocomplete="off"'
        control = f'<input name="{name}" {kind} value="{plain(column["usual"])}">'
        hint = f"<small>{plain(column['least'])} to {plain(column['most'])}; may be empty</small>"
    wrong = f'<small class="failed" id="{name}-wrong" hidden></small>'
    return f"<label>{plain(column['name'])}{control}{hint}{wrong}</label>"
