"""The pages of a server, asked for in the way that its web server does."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archsmith.bundle.manifest import CARD, read
from archsmith.bundle.predictor import Predictor
from archsmith.bundle.tables import TableIntake
from archsmith.data.tables.columns import Column

pytest.importorskip("uvicorn")

from archsmith.server.app import App
from archsmith.server.logs import Log
from archsmith.server.metrics import Metrics
from archsmith.server.pages import ASSETS, _calls, pages
from archsmith.server.registry import Registry
from archsmith.server.settings import Settings

FIXTURES = Path(__file__).parents[1] / "fixtures" / "v1"
TOKEN = "0123456789abcdef"
EVIL = "<script>alert(1)</script>"


@dataclasses.dataclass
class Said:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Server:
    """A server without a port."""

    def __init__(self, folders: list[Path], **settings: Any) -> None:
        self.registry = Registry(folders, settings=Settings(**{"threads": 1, **settings}))
        self.registry.load()
        self.app = App(self.registry, Metrics(), Log("off"), pages(self.registry))

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> Said:
        sent: list[Any] = []
        pairs = {"host": "localhost:8000", **{name.replace("_", "-"): value for name, value in headers.items()}}
        scope = {
            "type": "http",
            "method": "GET" if body is None else "POST",
            "path": path,
            "headers": [(name.encode(), value.encode()) for name, value in pairs.items()],
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body or b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))  # type: ignore[arg-type]
        start, rest = sent
        found = {name.decode(): value.decode() for name, value in start["headers"]}
        return Said(start["status"], found, rest["body"])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Two bundles, one of classes and one of a regression target."""
    for name in ("bundle_classes", "bundle_numbers"):
        shutil.copytree(FIXTURES / name, tmp_path / name)
    found = Server([tmp_path / "bundle_classes", tmp_path / "bundle_numbers"])
    yield found
    found.registry.close()


def png() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(file, "PNG")
    return file.getvalue()


def test_the_first_page_lists_the_models(server: Server) -> None:
    said = server.ask("/")
    assert said.status == 200 and said.headers["content-type"].startswith("text/html")
    for name in ("bundle_classes", "bundle_numbers"):
        assert f'href="/models/{name}"' in said.text


def test_a_page_of_a_model_tells_what_there_is_to_know(server: Server) -> None:
    said = server.ask("/models/bundle_classes")
    assert "What it must not be used for" in said.text and "Do not let it decide about people." in said.text
    assert 'src="/models/bundle_classes/network.svg"' in said.text and "Model card" in said.text
    assert "curl -F files=@picture.png http://localhost:8000/v1/models/bundle_classes/predict" in said.text


@pytest.mark.parametrize(("proxied", "scheme"), [("https", "https"), ("HTTPS, http", "https"), ("http", "http")])
def test_behind_a_proxy_with_tls_what_is_copied_is_encrypted(server: Server, proxied: str, scheme: str) -> None:
    said = server.ask("/models/bundle_classes", host="localhost", x_forwarded_proto=proxied)
    assert f"{scheme}://localhost/v1/models/bundle_classes/predict" in said.text
    assert f"Client(&quot;{scheme}://localhost&quot;)" in said.text


@pytest.mark.parametrize("path", ["/", "/models/bundle_classes"])
def test_a_page_may_load_only_from_its_own_server(server: Server, path: str) -> None:
    said = server.ask(path)
    policy = said.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self';" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and "http" not in policy
    assert "http://" not in said.text.replace("http://localhost:8000", "")


@pytest.mark.parametrize("name", ASSETS)
def test_style_and_scripts_lie_below_the_page(server: Server, name: str) -> None:
    said = server.ask(f"/models/bundle_classes/{name}")
    assert said.status == 200 and said.headers["content-type"] == ASSETS[name][1] and said.body


def test_the_drawing(server: Server) -> None:
    said = server.ask("/models/bundle_classes/network.svg")
    assert said.headers["content-type"] == "image/svg+xml" and said.text.startswith("<svg")


@pytest.mark.parametrize(
    "path", ["/models/nobody", "/models/bundle_classes/manifest.json", "/models/bundle_classes/.."]
)
def test_nothing_else_is_given_out(server: Server, path: str) -> None:
    assert server.ask(path).status == 404


def test_the_page_asks_for_a_prediction_below_itself(server: Server) -> None:
    body = json.dumps({"examples": [{"image": base64.b64encode(png()).decode()}]}).encode()
    ours = server.ask("/models/bundle_classes/predict", body, content_type="application/json")
    theirs = server.ask("/v1/models/bundle_classes/predict", body, content_type="application/json")
    assert ours.status == 200 and ours.body == theirs.body


def test_a_page_of_another_site_may_not(server: Server) -> None:
    body = b'{"examples": []}'
    said = server.ask("/models/bundle_classes/predict", body, content_type="application/json", origin="http://evil.x")
    assert said.status == 403


def test_a_new_version_has_a_new_page(server: Server) -> None:
    before = server.ask("/models/bundle_classes").text
    folder = server.registry.places["bundle_classes"].folder
    (folder / CARD).write_text("a new card")
    assert server.ask("/models/bundle_classes").text == before  # made once for each version
    manifest = read(folder)
    dataclasses.replace(manifest, facts=dataclasses.replace(manifest.facts, study="another")).write(folder)
    asyncio.run(server.registry.check())
    assert "a new card" in server.ask("/models/bundle_classes").text


def test_the_card_is_that_of_the_version_that_is_served(server: Server) -> None:
    folder = server.registry.places["bundle_classes"].folder
    (folder / CARD).write_text("a new card")
    (folder / "manifest.json").write_text("broken")
    asyncio.run(server.registry.check())
    said = server.ask("/models/bundle_classes")
    assert said.status == 200 and "a new card" not in said.text and "one of the classes above" in said.text


def test_what_a_bundle_says_does_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "evil"
    shutil.copytree(FIXTURES / "bundle_classes", folder)
    (folder / CARD).write_text(f"{EVIL} [a](javascript:alert(1))")
    server = Server([folder])
    said = server.ask("/models/evil", host="localhost")
    server.registry.close()
    assert EVIL not in said.text and "&lt;script&gt;alert(1)" in said.text and "<a href=" in said.text
    assert said.text.count("<a ") == 1  # to the list of all models


def test_a_bundle_that_tells_nonsense_of_itself(tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    shutil.copytree(FIXTURES / "bundle_classes", folder)
    manifest = read(folder)
    odd = dataclasses.replace(manifest.facts, per_class=({"n": 3},), data={"n_train": "many"})
    dataclasses.replace(manifest, facts=odd).write(folder)
    server = Server([folder])
    said = server.ask("/models/odd")
    assert said.status == 422 and "manifest of the bundle" in said.text
    assert server.ask("/").status == 200
    server.registry.close()


def test_a_browser_asks_a_person_for_the_token(tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "bundle_classes", tmp_path / "model")
    server = Server([tmp_path / "model"], token=TOKEN)
    basic = base64.b64encode(f"me:{TOKEN}".encode()).decode()
    for path in ("/", "/models/model", "/models/model/page.js"):
        refused = server.ask(path)
        assert refused.status == 401 and refused.headers["www-authenticate"].startswith("Basic")
        assert server.ask(path, authorization=f"Basic {basic}").status == 200
    page = server.ask("/models/model", authorization=f"Basic {basic}").text
    server.registry.close()
    assert "Authorization: Bearer $ARCHSMITH_TOKEN" in page and TOKEN not in page


def test_a_file_that_is_no_bundle_has_a_line_and_no_form(tmp_path: Path) -> None:
    shutil.copy(FIXTURES / "bundle_classes" / "model.onnx", tmp_path / "other.onnx")
    server = Server([tmp_path / "other.onnx"], foreign=True)
    said = server.ask("/models/other")
    server.registry.close()
    assert said.status == 200 and "It takes tensors only." in said.text and "<form" not in said.text
    assert 'href="/models/other/page.css"' in said.text  # below the page, like all that a page loads


def test_the_call_of_a_table_is_what_a_shell_reads() -> None:
    columns = (Column("it's $HOME", "number", median=1.5), Column("`id`", "category", categories=("a'b",)))
    manifest = dataclasses.replace(read(FIXTURES / "bundle_classes"), intake=TableIntake(columns))
    model: Any = SimpleNamespace(name="table", manifest=manifest)
    command = unescape(_calls(model, "http://localhost:8000", with_token=False)).splitlines()[0]
    words = shlex.split(command)
    assert json.loads(words[words.index("-d") + 1]) == {"examples": [{"it's $HOME": 1.5, "`id`": "a'b"}]}


@pytest.mark.slow
def test_a_person_tries_a_model_in_chromium(environment: dict[str, str], tmp_path: Path) -> None:
    """Needs chromium and the package playwright (extra ``e2e``)."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra e2e")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs chromium")
    (tmp_path / "a.png").write_bytes(png())
    (tmp_path / "letter.png").write_text("no picture")
    command = [sys.executable, "-m", "archsmith", "serve", str(FIXTURES / "bundle_classes"), "--port", "0"]
    environment = {**environment, "ARCHSMITH_TOKEN": TOKEN, "PYTHONUNBUFFERED": "1"}
    said, asked = [], []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        address = re.findall(r"http://\S+", process.stdout.readline())[0]
        with playwright.sync_playwright() as running:
            browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            context = browser.new_context(http_credentials={"username": "me", "password": TOKEN})
            context.on("request", lambda request: asked.append(request.url))
            page = context.new_page()
            page.on("console", lambda message: said.append(message.text))
            page.goto(f"{address}/models/bundle_classes")
            page.set_input_files("input[type=file]", str(tmp_path / "a.png"))
            page.wait_for_selector("[data-value]")
            found = page.eval_on_selector_all("[data-value]", "all => all.map(one => Number(one.dataset.value))")
            assert page.is_visible("img.preview") and said == []
            page.set_input_files("input[type=file]", str(tmp_path / "letter.png"))
            page.wait_for_selector("text=cannot be read: it is broken")
            assert not page.is_visible("img.preview") and not page.is_visible("[data-value]")
            said.clear()  # chromium tells of the refused request
            browser.close()
        process.terminate()
    wanted = sorted(
        Predictor(FIXTURES / "bundle_classes").predict_proba([tmp_path / "a.png"])[0].tolist(), reverse=True
    )
    assert np.abs(np.subtract(found, wanted[: len(found)])).max() < 1e-5
    assert said == [] and all(url.removeprefix("blob:").startswith(address) for url in asked)
