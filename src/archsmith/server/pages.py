"""Pages for people: ``/`` lists the models, ``/models/{name}`` lets one try a model and tells what is known of it.

The page of a model is that of ``archsmith bundles web``, but this server predicts. All that a page loads lies below its
own address, so that a browser that was asked for the token there sends it along. A page is made once for each version.
"""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Callable, Iterable, Mapping
from html import escape

from archsmith.bundle.card import in_short
from archsmith.bundle.intake import Intake
from archsmith.bundle.page import (
    POLICY,
    SITE,
    Surroundings,
    drawing_of,
    page,
    plain,
    rendered,
    template,
    without_paragraph,
)
from archsmith.core.errors import ArchsmithError
from archsmith.core.files import reading
from archsmith.server.model import Model
from archsmith.server.predict import predict
from archsmith.server.refusals import Refusal
from archsmith.server.registry import Registry
from archsmith.server.request import Answer, Request
from archsmith.server.routes import Route
from archsmith.server.settings import TOKEN
from archsmith.version import VERSION

Parts = Mapping[str, str]

DRAWING = "network.svg"
HTML, STYLE, SCRIPT = (f"text/{kind}; charset=utf-8" for kind in ("html", "css", "javascript"))
SVG = "image/svg+xml"
ASSETS = {
    "page.css": ("page.css", STYLE),
    **{name: (name, SCRIPT) for name in ("page.js", "numbers.js")},
    "engine.js": ("remote.js", SCRIPT),
}
CACHED = "page"  # in ``Model.document``
FOOT = f"Predictions are made by this server. Archsmith {VERSION}."


def pages(registry: Registry) -> Iterable[Route]:
    """The routes of all pages."""
    found = Pages(registry)
    return [
        Route("GET", "/", found.models),
        Route("GET", "/page.css", found.style),
        Route("GET", "/models/{name}", found.model),
        Route("GET", "/models/{name}/{file}", found.file),
        Route("POST", "/models/{name}/predict", found.predict),
    ]


class Pages:
    """The handlers.

    ``registry``: the models.
    """

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.settings = registry.settings

    async def models(self, request: Request, parts: Parts) -> Answer:
        listed = "\n".join(_entry(model) for model in self.registry.models)
        return _html(template("models.html").substitute(models=listed, assets="/", foot=FOOT))

    async def style(self, request: Request, parts: Parts) -> Answer:
        return _asset("page.css")

    async def model(self, request: Request, parts: Parts) -> Answer:
        model = self._asked(request, parts)
        if model.network.manifest is None:
            return _html(_foreign(model))
        # A proxy with TLS says so. Only what a person copies depends on it.
        proxied = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
        address = f"{'https' if proxied == 'https' else 'http'}://{request.headers.get('host', '')}"
        svg = await self._drawing(model)
        html = await self._made(model, "html", lambda: _page(model, is_drawn=bool(svg)))
        return _html(html.replace(CALLS, rendered(_calls(model, address, with_token=self.settings.token is not None))))

    async def file(self, request: Request, parts: Parts) -> Answer:
        model, name = self._asked(request, parts), parts["file"]
        if name == DRAWING and model.network.manifest is not None and (svg := await self._drawing(model)):
            return Answer(svg.encode("utf-8", "replace"), 200, SVG)
        if name not in ASSETS:
            raise Refusal(404, "no_file", f"There is no file {name[:64]!r}.")
        return _asset(name)

    async def predict(self, request: Request, parts: Parts) -> Answer:
        return await predict(request, self._asked(request, parts), self.settings)

    def _asked(self, request: Request, parts: Parts) -> Model:
        model = self.registry.get(parts["name"])
        request.model = model.name
        return model

    async def _drawing(self, model: Model) -> str:
        return await self._made(model, "svg", lambda: drawing_of(model.manifest) or "")

    async def _made(self, model: Model, what: str, make: Callable[[], str]) -> str:
        """What ``make`` gives; it is called once for each version, in a thread of its own."""
        made: dict[str, str] = model.document.setdefault(CACHED, {})
        if what not in made:
            try:
                made[what] = await asyncio.to_thread(make)
            except ArchsmithError as error:
                raise Refusal.of(error, 422, "no_page") from error
        return made[what]


CALLS = "<!-- calls -->"  # in a page that was made: what names the address by which the server was reached


def _page(model: Model, is_drawn: bool) -> str:
    place = f"/models/{model.name}/"
    around = Surroundings(
        assets=place,
        drawing=f"{place}{DRAWING}" if is_drawn else "",
        needed="This page needs JavaScript.",
        foot=FOOT,
        above='<p><a href="/">All models</a></p>',
        below='<section aria-labelledby="calls">\n<h2 id="calls">From a program</h2>\n' + CALLS + "\n</section>",
    )
    return page(model.manifest, model.name, model.card, around)


def _calls(model: Model, address: str, with_token: bool) -> str:
    """How to ask for a prediction with curl and in Python, as Markdown."""
    url = f"{address}/v1/models/{model.name}/predict"
    intake = model.manifest.intake
    curl = curl_of(intake, url, with_token)
    asked = f"[{intake.example_schema()['example']!r}]" if "columns" in intake.form() else '["picture.png"]'
    secret = f', os.environ["{TOKEN}"]' if with_token else ""
    lines = [*(["import os", ""] if with_token else []), "from archsmith.client import Client", ""]
    lines.append(f'Client("{address}"{secret}).predict({model.name!r}, {asked})')
    return "\n".join([f"    {curl}", "", "In Python:", "", *(f"    {line}" for line in lines)])


def curl_of(intake: Intake, url: str, with_token: bool = False) -> str:
    """A line for a terminal that asks for a prediction at ``url``."""
    token = f' -H "Authorization: Bearer ${TOKEN}"' if with_token else ""
    if "columns" not in intake.form():
        return f"curl{token} -F files=@picture.png {url}"
    sent = shlex.quote(json.dumps({"examples": [intake.example_schema()["example"]]}, ensure_ascii=False))
    return f"curl{token} -H 'Content-Type: application/json' -d {sent} {url}"


def _entry(model: Model) -> str:
    manifest = model.network.manifest
    told = "An ONNX file that is no bundle. It takes tensors only."
    if manifest is not None:
        try:
            with reading("What the bundle tells of its run is damaged", "Copy or export it again."):
                told = in_short(manifest)
        except ArchsmithError as error:  # the others are listed all the same
            told = str(error)
    link = f'<a href="/models/{escape(model.name)}">{plain(model.name)}</a>'
    return f"<li><section><h2>{link}</h2>\n<p>{without_paragraph(rendered(told))}</p></section></li>"


def _foreign(model: Model) -> str:
    return template("models.html").substitute(models=_entry(model), assets=f"/models/{model.name}/", foot=FOOT)


def _html(text: str) -> Answer:
    return Answer(text.encode(), 200, HTML, {"content-security-policy": f"{POLICY}; frame-ancestors 'none'"})


def _asset(name: str) -> Answer:
    ours, kind = ASSETS[name]
    return Answer((SITE / ours).read_bytes(), 200, kind)
