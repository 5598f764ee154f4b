"""The web page of a bundle: the folder, and what a real browser makes of it.

The test in the browser needs chromium, the package playwright (extra ``e2e``) and the files that ``make web`` fetches.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archsmith.analysis.wording import from_data
from archsmith.bundle import web
from archsmith.bundle.manifest import MODEL, NOTICE
from archsmith.bundle.page import SITE
from archsmith.bundle.predictor import Predictor
from archsmith.bundle.web import DRAWING, OFFLINE, OURS, PAGE, RUNTIME, VENDOR, write_page
from archsmith.core.errors import UsageError

FIXTURE = Path(__file__).parents[1] / "fixtures" / "v1" / "bundle_classes"
TOLERANCE = 1e-4
PATIENCE = 120.0  # seconds for one answer of the page


@pytest.fixture
def vendored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation in which onnxruntime-web is there, as empty files."""
    site = tmp_path / "installed"
    shutil.copytree(str(SITE), site, ignore=shutil.ignore_patterns(VENDOR))
    (site / VENDOR).mkdir()
    for name in RUNTIME:
        (site / VENDOR / name).write_text("")
    monkeypatch.setattr(web, "SITE", site)
    return site


def test_the_folder_is_complete(vendored: Path, tmp_path: Path) -> None:
    folder = write_page(FIXTURE, tmp_path / "page")
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    assert names == {PAGE, DRAWING, OFFLINE, MODEL, VENDOR, *OURS, *(f"{VENDOR}/{name}" for name in RUNTIME)}
    assert (folder / MODEL).read_bytes() == (FIXTURE / MODEL).read_bytes()
    listed = json.loads((folder / OFFLINE).read_text().partition("FILES = ")[2].partition(";")[0])
    assert {*listed} == {"./"} | {name for name in names if not name.endswith(".txt")} - {VENDOR, OFFLINE}
    assert "script-src 'self' 'wasm-unsafe-eval'" in (folder / PAGE).read_text(encoding="utf-8")


def test_a_notice_goes_along(vendored: Path, exported: Any, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(exported.folder, bundle)
    (bundle / NOTICE).write_text("whose weights these are")
    assert (write_page(bundle, tmp_path / "page") / NOTICE).read_text() == "whose weights these are"


def test_an_older_page_is_replaced_and_nothing_else(vendored: Path, exported: Any, tmp_path: Path) -> None:
    folder = write_page(FIXTURE, tmp_path / "page")
    write_page(exported.folder, folder)
    assert not (folder / DRAWING).exists()  # that network is not known
    (folder / "letter.txt").write_text("")
    with pytest.raises(UsageError, match=r"other than a web page \(letter\.txt\)"):
        write_page(FIXTURE, folder)
    with pytest.raises(UsageError, match="other than a web page"):
        write_page(FIXTURE, vendored)


def test_a_damaged_bundle_is_refused(vendored: Path, exported: Any, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(exported.folder, bundle)
    (bundle / MODEL).write_bytes(b"damaged")
    with pytest.raises(UsageError, match="not the one"):
        write_page(bundle, tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_without_onnxruntime_web_it_says_how_to_get_it(vendored: Path, tmp_path: Path) -> None:
    (vendored / VENDOR / RUNTIME[1]).unlink()
    with pytest.raises(UsageError, match="no onnxruntime-web") as error:
        write_page(FIXTURE, tmp_path / "page")
    assert "make web" in str(error.value) and not (tmp_path / "page").exists()


def test_what_is_fetched_is_pinned_with_its_checksum() -> None:
    folder = Path(__file__).resolve().parents[2] / "web"
    wanted = json.loads((folder / "package.json").read_text(encoding="utf-8"))["dependencies"]
    packages = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert all(entry["integrity"].startswith("sha512-") for name, entry in packages.items() if name)


# In a browser


class Tab:
    """A page in chromium.

    ``page``: of playwright.
    ``requests``: all addresses that it asked for.
    ``said``: what stands in its console.
    """

    def __init__(self, browser: Any) -> None:
        self.context = browser.new_context()
        self.requests: list[str] = []
        self.said: list[str] = []
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))

    def open(self, address: str) -> None:
        self.page.goto(address)
        self.wait("The prediction will stand here.")

    def wait(self, beginning: str) -> None:
        """Until the status says so. The page's policy allows no waiting inside it."""
        end = time.monotonic() + PATIENCE
        while not self.page.text_content("#status").startswith(beginning):
            assert time.monotonic() < end, (self.page.text_content("#status"), self.said)
            time.sleep(0.05)

    def values(self) -> dict[str, float]:
        """Probabilities by class, or the value by the empty name."""
        self.wait("Took")
        found: dict[str, float] = self.page.evaluate(
            "Object.fromEntries([...document.querySelectorAll('[data-value]')].map("
            "(e) => [e.querySelector('.name')?.textContent ?? '', Number(e.dataset.value)]))"
        )
        return found

    def ask(self, picture: Path) -> dict[str, float]:
        self.page.evaluate("document.getElementById('status').textContent = ''")
        self.page.set_input_files("input[type=file]", str(picture))
        return self.values()

    def fill(self, row: list[str]) -> dict[str, float]:
        """What a person types and chooses, in the order of the fields."""
        self.page.evaluate("document.getElementById('status').textContent = ''")
        for place, text in enumerate(row):
            field = self.page.locator(f"[name=column{place}]")
            if field.evaluate("field => field.tagName") == "SELECT":
                field.select_option(label=text)
            else:
                field.fill(text)
        self.page.keyboard.press("Enter") if row[-1] == "" else self.page.click("button")
        return self.values()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's chromium; the test is skipped without it, or without what it needs."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra e2e")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs chromium")
    if not all((SITE / VENDOR / name).is_file() for name in RUNTIME):
        pytest.skip("needs the files that `make web` fetches")
    with playwright.sync_playwright() as running:
        found = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        found.close()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of ``python -m http.server`` in ``folder``."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def smooth(height: int, width: int, channels: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.uint8]]:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width][..., None]
    bands = np.arange(channels)
    values = 128 + 90 * np.sin(x / (9 + bands) + bands) + 30 * np.cos(y / (7 + 2 * bands))
    return np.clip(values + rng.normal(0, 10, values.shape), 0, 255).astype(np.uint8)


def pictures(folder: Path) -> list[Path]:
    """Files of many kinds."""
    folder.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6  # turned to the right
    opacity = np.broadcast_to(np.linspace(0, 255, 120).astype(np.uint8)[:, None], (90, 120, 1))
    colours, grey = Image.fromarray(smooth(90, 121, 3)), Image.fromarray(smooth(50, 40, 1)[..., 0])
    see_through = Image.fromarray(np.concatenate([smooth(90, 120, 3), opacity], axis=2))
    see_through.save(folder / "see_through.png")
    value, alpha = np.mgrid[0:256, 0:256].astype(np.uint8)  # every colour with every opacity
    Image.fromarray(np.stack([value, 255 - value, value[::-1], alpha], axis=2)).save(folder / "every_opacity.png")
    see_through.getchannel("R").save(folder / "one_channel.png")
    Image.merge("LA", (see_through.getchannel("R"), see_through.getchannel("A"))).save(folder / "grey_see_through.png")
    colours.save(folder / "gamma.png", gamma=1.0)
    colours.quantize(32).save(folder / "palette.png", transparency=3)
    colours.save(folder / "turned.jpg", exif=exif, quality=90)
    colours.save(folder / "subsampled.jpg", quality=75, subsampling=2)
    colours.save(folder / "progressive.jpg", quality=60, progressive=True)
    colours.save(folder / "lossless.webp", lossless=True)
    grey.save(folder / "grey.png")
    grey.save(folder / "grey.jpg")
    Image.fromarray(smooth(1, 1, 3)).save(folder / "pixel.png")
    return sorted(folder.iterdir())


def largest(found: dict[str, float], predictor: Predictor, given: Any) -> float:
    """The largest difference between the page and the predictor; of a value, relative to it."""
    if predictor.is_regression:
        (wanted,) = predictor.predict(given)
        return abs(found[""] - float(wanted)) / max(1.0, abs(float(wanted)))
    assert set(found) == set(predictor.classes)
    wanted = predictor.predict_proba(given)[0]
    return max(abs(found[name] - float(p)) for name, p in zip(predictor.classes, wanted, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["exported", "years", "grey"])
def test_pictures_in_chromium(
    name: str, browser: Any, tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = FIXTURE if name == "grey" else request.getfixturevalue(name).folder
    predictor, tab = Predictor(bundle, threads=1), Tab(browser)
    with served(write_page(bundle, tmp_path / "page")) as address:
        tab.open(address)
        differences = {file.name: largest(tab.ask(file), predictor, [file]) for file in pictures(tmp_path / "pictures")}
    with capsys.disabled():
        print(f"\n{name}: largest difference {max(differences.values()):.1e} ({len(differences)} pictures)")
    assert {file: value for file, value in differences.items() if value > TOLERANCE} == {}
    assert {url for url in tab.requests if not url.removeprefix("blob:").startswith(address)} == set()
    assert tab.said == []


@pytest.mark.slow
def test_a_file_that_is_no_picture_in_chromium(browser: Any, exported: Any, tmp_path: Path) -> None:
    tab, file = Tab(browser), tmp_path / "letter.png"
    file.write_text("no picture")
    with served(write_page(exported.folder, tmp_path / "page")) as address:
        tab.open(address)
        tab.page.set_input_files("input[type=file]", str(file))
        tab.wait("letter.png is not a picture")
        assert not tab.page.is_visible("img.preview")  # which would be a broken icon
        assert not tab.page.is_visible("#result")


@pytest.mark.slow
def test_rows_in_chromium(browser: Any, people: Any, houses: Any, tmp_path: Path) -> None:
    rows = [["40", "clerk", "2019-04-14", "1000000005", "m"], ["", "-farmer", "", "", "missing or another"]]
    predictor, tab = Predictor(people.folder, threads=1), Tab(browser)
    names = [column.name for column in predictor.manifest.intake.columns]  # type: ignore[attr-defined]
    with served(write_page(people.folder, tmp_path / "page")) as address:
        tab.open(address)
        for row in rows:
            texts = ["" if text == "missing or another" else text for text in row]
            assert largest(tab.fill(row), predictor, [dict(zip(names, texts, strict=True))]) <= TOLERANCE
    predictor = Predictor(houses.folder, threads=1)
    with served(write_page(houses.folder, tmp_path / "houses")) as address:
        tab.open(address)
        found = tab.fill(["81.5", ""])
        assert largest(found, predictor, [{"area": 81.5, "rooms": None}]) <= TOLERANCE
        assert tab.page.text_content("[data-value] strong") == from_data(found[""])
    assert tab.said == []


@pytest.mark.slow
def test_without_a_network_the_page_goes_on_and_with_one_it_is_the_newest(
    browser: Any, exported: Any, houses: Any, tmp_path: Path
) -> None:
    tab, file = Tab(browser), tmp_path / "a.png"
    Image.fromarray(smooth(20, 20, 3)).save(file)
    with served(write_page(exported.folder, tmp_path / "page")) as address:
        tab.open(address)
        first = tab.ask(file)
        tab.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        write_page(houses.folder, tmp_path / "page")
        tab.open(address)
        assert tab.page.locator("[name=column1]").count() == 1
        write_page(exported.folder, tmp_path / "page")
        tab.open(address)
    tab.open(address)  # the server is gone
    assert tab.ask(file) == first
