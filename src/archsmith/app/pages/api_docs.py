"""``/api/docs``: the addresses of the API for people, each with a line of curl. Made from the OpenAPI document, and no
script of anybody else is needed to read it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from html import escape
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from nicegui import app

from archsmith.app.api.index import DOCS, operations, says
from archsmith.app.form_file import FORM
from archsmith.app.pages.plain import plain
from archsmith.core.wording import sentence_case

# The page runs the one script of all pages, which turns light into dark
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SAVED = ("application/zip", "image/png", "text/csv")  # what a terminal should not show
STREAM, JSON = "text/event-stream", "application/json"
DEEPEST = 4  # objects within objects of an example


def mount(describe: Callable[[], dict[str, Any]]) -> None:
    """Make the page known. ``describe()`` gives the OpenAPI document."""

    @app.get(DOCS, include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        base = f"{request.url.scheme}://{request.url.netloc}"
        return HTMLResponse(page(describe(), base), headers={"content-security-policy": POLICY})


def page(document: Mapping[str, Any], base: str) -> str:
    """The page. ``base``: the address of the app, without a path."""
    groups: dict[str, list[str]] = {}
    for path, method, what in operations(document):
        tag = str((what.get("tags") or ["more"])[0])
        groups.setdefault(tag, []).append(_entry(document, base, path, method, what))
    links = "".join(f'<li><a href="#{escape(tag)}">{escape(sentence_case(tag))}</a></li>' for tag in groups)
    lead = (
        "<p>What the pages show and do, programs can ask for, too. Answers are JSON unless said otherwise. Words in "
        "capitals stand for what you fill in, such as an id. "
        'The same for programs: <a href="/api/v1">/api/v1</a>, <a href="/api/v1/openapi.json">openapi.json</a>.</p>'
        "<p>Where the app wants a token, add <code>-H 'Authorization: Bearer TOKEN'</code> to each line. "
        "An error has a fitting status, and its body says what is wrong and what to do.</p>"
    )
    body = "".join(
        f'<section class="sheet" id="{escape(tag)}"><h2>{escape(sentence_case(tag))}</h2>{"".join(entries)}</section>'
        for tag, entries in groups.items()
    )
    nav = f'<nav class="sections" aria-label="Groups"><ul>{links}</ul></nav>'
    return plain("API", lead + nav + body)


def _entry(document: Mapping[str, Any], base: str, path: str, method: str, what: Mapping[str, Any]) -> str:
    line = curl(document, base, path, method, what)
    rows = "".join(f"<dt><code>{escape(name)}</code></dt><dd>{escape(told)}</dd>" for name, told in _named(path, what))
    fields = "".join(
        f"<dt><code>{escape(name)}</code></dt><dd>{escape(told)}</dd>" for name, told in _fields(document, what)
    )
    return (
        f"<h3><code>{escape(method)} {escape(path)}</code></h3><p>{escape(says(what))}</p>"
        f'<pre tabindex="0" aria-label="Line for a terminal">{escape(line)}</pre>'
        f"{f'<dl class=kinds>{rows}</dl>' if rows else ''}"
        f"{f'<details><summary>Fields</summary><dl class=kinds>{fields}</dl></details>' if fields else ''}"
    )


def _fields(document: Mapping[str, Any], what: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a body of JSON may hold, each with its meaning."""
    schema = what.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema", {})
    found = _resolved(document, schema)
    for name, each in found.get("properties", {}).items():
        needed = " Has to be given." if name in found.get("required", ()) else ""
        yield name, sentence_case(str(each.get("description") or "")) + needed


def _named(path: str, what: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is filled into an address, and what may stand after its question mark, each with its meaning."""
    for each in what.get("parameters", []):
        inside, told = each["in"] == "path", str(each.get("description") or "")
        wanted = " Has to be given." if each.get("required") and not inside else ""
        yield _capitals(path, each["name"]) if inside else f"?{each['name']}=", told + wanted


def curl(document: Mapping[str, Any], base: str, path: str, method: str, what: Mapping[str, Any]) -> str:
    """A line of curl that asks this address; several where there are several ways to send something."""
    parameters = what.get("parameters", [])
    place = path
    for each in parameters:
        if each["in"] == "path":
            place = place.replace(f"{{{each['name']}}}", _capitals(path, each["name"]))
    wanted = [each["name"] for each in parameters if each["in"] == "query" and each.get("required")]
    asked = [f"{name}={_capitals('', name)}" for name in wanted]
    address = f"{base}{place}" + (f"?{'&'.join(asked)}" if asked else "")
    words = ["curl"]
    kinds: Mapping[str, Any] = next(
        (answer["content"] for answer in what["responses"].values() if "content" in answer), {}
    )
    if STREAM in kinds:
        words.append("-N")
    if any(kind in SAVED for kind in kinds):
        words.append("-OJ")
    if method not in ("GET", "POST") or (method == "POST" and "requestBody" not in what):
        words += ["-X", method]
    words.append(f"'{address}'" if "?" in address else address)
    return "\n".join(" ".join([*words, *sent]) for sent in _sent(document, what))


def _sent(document: Mapping[str, Any], what: Mapping[str, Any]) -> Iterator[list[str]]:
    """What curl is told of the body, in each way that there is."""
    content = what.get("requestBody", {}).get("content", {})
    as_json = ["-H", "'Content-Type: application/json'", "-d"]
    if FORM in content:
        yield ["-F", "file=@FILE"]
        if JSON in content:
            given = content[JSON]["schema"].get("examples")
            yield [*as_json, _quoted(given[0]) if given else "@ROW.json"]
    elif JSON in content:
        yield [*as_json, _quoted(_example(document, content[JSON]["schema"]))]
    else:
        yield []


def _quoted(value: Any) -> str:
    return f"'{json.dumps(value, ensure_ascii=False)}'"


def _capitals(path: str, name: str) -> str:
    """What stands for ``name``: ``id`` is that of the group whose address it is in."""
    group = path.removeprefix("/api/v1/").partition("/")[0]
    owner = {"data": "DATA", "studies": "STUDY", "models": "MODEL"}.get(group, "ID")
    return owner if name == "id" else name.upper()


def _example(document: Mapping[str, Any], schema: Mapping[str, Any], depth: int = 0) -> Any:
    """The smallest thing that ``schema`` takes, or the example that it gives."""
    schema = _resolved(document, schema)
    if schema.get("examples"):
        return schema["examples"][0]
    if "anyOf" in schema:
        return _example(document, schema["anyOf"][0], depth + 1)
    if schema.get("type") == "object" and depth < DEEPEST:
        fields = schema.get("properties", {})
        wanted = schema.get("required") or list(fields)[:1]
        return {name: _example(document, fields[name], depth + 1) for name in wanted if name in fields}
    return {"string": "…", "integer": 1, "number": 1.0, "boolean": True, "array": []}.get(str(schema.get("type")), {})


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = document["components"]["schemas"][str(schema["$ref"]).rpartition("/")[2]]
    return found
