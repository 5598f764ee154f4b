"""The page of a model: what it says, and that nothing of a bundle acts on it."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from archsmith.bundle.manifest import CARD, Manifest, read
from archsmith.bundle.page import MAX_CARD_BYTES, POLICY, SITE, Surroundings, card_of, drawing_of, page, rendered

AROUND = Surroundings(assets="", drawing="network.svg", needed="needed", foot="foot")
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'& [a](javascript:alert(3)) ![b](http://x/y)"
VOID = {"meta", "link", "input", "img", "br", "hr"}


class Reader(HTMLParser):
    """Start tags with their attributes, the texts inside of each id, and whether tags are closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def of(folder: Path, **facts: Any) -> Reader:
    manifest = read(folder)
    manifest = dataclasses.replace(manifest, facts=dataclasses.replace(manifest.facts, **facts))
    return Reader(page(manifest, "a name", card_of(folder), AROUND))


def about(reader: Reader) -> Any:
    (text,) = (text for text in reader.texts if text.startswith('{"'))
    return json.loads(text)


def test_a_page_of_pictures(exported: Any) -> None:
    found = of(exported.folder)
    texts = " ".join(found.texts)
    assert "A network that sorts colour pictures into 4 classes." in texts
    assert "Do not let it decide about people." in texts and "the test split" in texts and "Model card" in texts
    assert [field["type"] for field in found.all("input")] == ["file"]
    assert "Every picture gets one of the network's classes" in texts
    assert about(found) == {
        "channels": 3,
        "output": "probabilities",
        "classes": ["circle", "squäre", "line|dash", "blob"],
    }


def test_a_page_of_a_table_has_a_labelled_field_for_each_column(people: Any) -> None:
    found = of(people.folder)
    assert [field["type"] for field in found.all("input")] == ["text", "date", "text"]
    assert [field["value"] for field in found.all("input")] == ["38", "2019-04-14", "1000000005"]
    assert len(found.all("select")) == 2 and len(found.all("label")) == 5
    columns = about(found)["columns"]
    assert [column["name"] for column in columns] == ["age", "job", "hired", "number", "sex"]
    assert columns[1]["categories"] == ["clerk", "-farmer", "3"]


def test_a_page_of_a_regression_target(years: Any) -> None:
    assert about(of(years.folder))["target"] == "year"


def evil(manifest: Manifest) -> Manifest:
    """The manifest with evil texts wherever a person may have written some."""
    text = json.dumps(manifest.to_dict())
    for name in ("squ\\u00e4re", "shapes", "searched", "clerk", '"job', "people"):
        quote = '"' if name.startswith('"') else ""
        text = text.replace(name, quote + json.dumps(EVIL)[1:-1])
    return Manifest.from_dict(json.loads(text))


@pytest.mark.parametrize("fixture", ["exported", "people"])
def test_nothing_of_a_bundle_acts(fixture: str, request: pytest.FixtureRequest) -> None:
    manifest = evil(read(request.getfixturevalue(fixture).folder))
    html = page(manifest, EVIL, EVIL, AROUND)
    found = Reader(html)
    assert [attributes.get("type") for attributes in found.all("script")] == ["module", "application/json"]
    assert [attributes["src"] for attributes in found.all("img") if "src" in attributes] == ["network.svg"]
    assert found.all("a") == []
    assert not any(name.startswith("on") or name == "style" for _, attributes in found.tags for name in attributes)
    assert "alert(1)" in "".join(found.texts) and EVIL in json.dumps(about(found), ensure_ascii=False).replace(
        '\\"', '"'
    )


def test_markdown_of_others_is_shown_and_does_nothing() -> None:
    text = "# One\n\n<b>two</b> <http://x.y> [z](http://z)\n\n| a |\n| - |\n| **b** |\n\n    <i>\n"
    found = Reader(rendered(text, below=1))
    assert {tag for tag, _ in found.tags} == {
        "h2",
        "p",
        "div",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "strong",
        "pre",
        "code",
    }
    assert "<b>two</b> <http://x.y> [z](http://z)" in found.texts


def test_headings_end_at_the_sixth() -> None:
    assert rendered("###### x", below=3) == "<h6>x</h6>\n"


def test_a_card_of_any_size_and_encoding(tmp_path: Path) -> None:
    assert card_of(tmp_path) == ""
    (tmp_path / CARD).write_bytes(b"caf\xe9")
    assert card_of(tmp_path) == "caf\ufffd"
    assert card_of(tmp_path / ("x" * 300)) == ""  # the system refuses to look
    (tmp_path / CARD).write_bytes(b"x" * (MAX_CARD_BYTES + 1))
    assert card_of(tmp_path) == ""


def test_a_network_that_is_not_known_has_no_drawing(exported: Any) -> None:
    manifest = read(exported.folder)
    assert drawing_of(manifest) is None
    html = page(manifest, "x", "", dataclasses.replace(AROUND, drawing=""))
    assert "network.svg" not in html


def test_a_network_that_is_known_has_one() -> None:
    svg = drawing_of(read(Path(__file__).parents[1] / "fixtures" / "v1" / "bundle_classes"))
    assert svg is not None and svg.startswith("<svg")


def test_no_file_of_a_page_names_another_place() -> None:
    for path in SITE.iterdir():
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            assert re.findall(r"https?://", text) == []
            assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|eval\(", text)
    assert "http" not in POLICY and "unsafe-inline" not in POLICY and "*" not in POLICY


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_a_probability_that_is_not_quite_1_never_looks_as_if_it_were() -> None:
    found = re.search(r"^function percent\(.*?^}", (SITE / "page.js").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found is not None
    call = "console.log(JSON.stringify([1, 0.9996, 0.999, 0.0004, 0].map(percent)));"
    done = subprocess.run(["node", "-e", f"{found[0]}\n{call}"], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == ["100.0 %", "> 99.9 %", "99.9 %", "< 0.1 %", "0.0 %"]
