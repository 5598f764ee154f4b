from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from archsmith.app.house import House
from archsmith.app.pages import new

# A browser as far as the script of the page needs one; its requests are answered by the test.
BROWSER = """
const parts = {}, heard = {}, asked = [], requests = [];
const part = (name) => (parts[name] ??= { dataset: { uploadZone: "1000" }, hidden: false });
globalThis.document = {
  querySelector: (text) => part(text.slice("[data-upload-".length, -1)),
  addEventListener: (kind, does) => { heard[kind] = does; },
};
globalThis.window = { location: { assign: (place) => asked.push(place) } };
globalThis.fetch = async (address, how) => { asked.push(`${how.method} ${address}`); return { ok: KEPT !== true }; };
globalThis.XMLHttpRequest = class {
  upload = {};
  open() { requests.push(this); }
  send() {}
  abort() { this.onabort(); }
};
const file = (name) => ({ name, size: 10 });
const choose = (...names) => heard.change({ target: { matches: () => true, files: names.map(file) } });
const stop = () => heard.click({ target: { closest: () => true } });
const answered = () => new Promise((then) => setTimeout(then, 1));
"""


def test_data_can_be_sent_or_chosen(client: TestClient) -> None:
    text = client.get("/new").text
    assert "Choose a file" in text
    assert "upload.js" in text
    assert "/data/digits" in text


def test_a_path_is_asked_for_only_where_it_is_allowed(client: TestClient, house: House) -> None:
    assert "Or name a path" not in client.get("/new").text


def in_a_browser(*lines: str, kept: bool = False) -> Any:
    """What the last one of these lines gives, after the script of the page."""
    script = (Path(new.__file__).parents[1] / "static" / "upload.js").read_text(encoding="utf-8")
    text = "\n".join([f"const KEPT = {json.dumps(kept)};", BROWSER, script, *lines[:-1]])
    node = ["node", "--input-type=module", "-e", f"{text}\nconsole.log(JSON.stringify({lines[-1]}));"]
    return json.loads(subprocess.run(node, capture_output=True, encoding="utf-8", check=True, timeout=60).stdout)


FIRST_COMES = (
    'choose("a-images.npy", "a-labels.npy");',
    'Object.assign(requests[0], { status: 201, response: { id: "a-1" } }).onload();',
    "await answered();",
)


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_who_stops_keeps_nothing_of_several_files() -> None:
    said = in_a_browser(*FIRST_COMES, "stop();", "await answered();", "[asked, parts.wrong.textContent]")
    assert said == [["DELETE /api/v1/data/a-1"], "Stopped. Nothing was kept."]


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_a_file_that_cannot_be_taken_back_is_told() -> None:
    said = in_a_browser(*FIRST_COMES, "stop();", "await answered();", "parts.wrong.textContent", kept=True)
    assert said == "Stopped. What had come before is among the data that are here."


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_a_second_file_that_is_refused_takes_the_first_one_along() -> None:
    refused = 'Object.assign(requests[1], { status: 507, response: { error: { message: "No room." } } }).onload();'
    said = in_a_browser(*FIRST_COMES, refused, "await answered();", "[asked, parts.wrong.textContent]")
    assert said == [["DELETE /api/v1/data/a-1"], "No room."]


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_a_file_that_was_sent_is_not_offered_to_be_stopped() -> None:
    sent = ('choose("a.csv");', *(f"requests[0].upload.onprogress({{ loaded: {n} }});" for n in (4, 10)))
    assert in_a_browser(*sent[:-1], "parts.stop.hidden") is False
    assert in_a_browser(*sent, "parts.stop.hidden") is True
