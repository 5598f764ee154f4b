"""The main road in a browser, as a person goes it: data in, a study, a model that answers, and the bundle at home."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from .conftest import App, Tab

pytestmark = pytest.mark.slow

COLOURS = {"green": (40, 180, 60), "orange": (240, 140, 20), "violet": (130, 60, 200)}
SECONDS = "60s"
FINISHED = 300_000  # milliseconds until a study of 60 s has ended on a busy machine
SOON = 60_000  # for everything else


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    started = App(tmp_path_factory.mktemp("road") / "workspace")
    yield started
    started.end()


@pytest.fixture
def tab(chromium: Any, app: App) -> Iterator[Tab]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.set_default_timeout(SOON)
    made = Tab(context.new_page(), app.address)
    yield made
    context.close()
    assert made.wrong == [] and made.foreign == []


def picture(path: Path, name: str, seed: int) -> Path:
    noise = np.random.default_rng(seed).normal(0, 30, (24, 24, 3))
    Image.fromarray(np.clip(np.array(COLOURS[name]) + noise, 0, 255).astype(np.uint8)).save(path)
    return path


def pictures(folder: Path) -> Path:
    """A zip with a folder for each class."""
    place = folder / "colours.zip"
    with zipfile.ZipFile(place, "w") as made:
        for name in COLOURS:
            for i in range(60):
                made.write(picture(folder / "one.png", name, i), f"{name}/{i}.png")
    return place


def rows(folder: Path) -> Path:
    """A table: what a person buys follows from the age and the town."""
    rng, place = np.random.default_rng(0), folder / "people.csv"
    with place.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["age", "town", "income", "buys"])
        for _ in range(400):
            age, town = int(rng.integers(18, 80)), str(rng.choice(["Ulm", "Bonn", "Kiel"]))
            buys = "yes" if (age > 45) != (town == "Kiel") else "no"
            writer.writerow([age, town, round(float(rng.normal(30, 8)), 1), buys])
    return place


def begin(tab: Tab, file: Path) -> str:
    """Upload, look at what was found, start a study of 60 s; its id."""
    page = tab.page
    tab.go("/new")
    page.set_input_files("[data-upload-file]", str(file))
    page.wait_for_url(re.compile("/data/"))
    page.get_by_role("heading", name="What was found").wait_for()
    page.get_by_role("heading", name="Balance of the classes").wait_for()
    page.get_by_role("textbox", name="Another time").fill(SECONDS)
    page.get_by_role("button", name="Start the study").click()
    page.wait_for_url(re.compile("/studies/"))
    return str(page.url.rstrip("/").rpartition("/")[2])


def watch(tab: Tab, study: str) -> None:
    """Its page changes by itself until there is a model."""
    page = tab.page
    page.get_by_role("heading", name="Scores over time").wait_for()
    page.get_by_role("link", name="Open the model").wait_for(timeout=FINISHED)
    page.get_by_role("link", name="Open the model").click()
    page.wait_for_url(f"**/models/{study}")
    page.get_by_role("heading", name="Try it").wait_for()


def take(tab: Tab, folder: Path) -> Path:
    """Download the bundle; the folder that it is unpacked to."""
    with tab.page.expect_download() as waiting:
        tab.page.get_by_role("link", name="bundle.zip").click()
    with zipfile.ZipFile(waiting.value.path()) as packed:
        packed.extractall(folder)
    (manifest,) = folder.rglob("manifest.json")
    return manifest.parent


def run(python: Path, *words: str, **given: Any) -> str:
    """A command in the bare environment."""
    home = {"PATH": os.defpath, "HOME": str(python.parent.parent)}
    done = subprocess.run([str(python), "-I", *words], capture_output=True, text=True, env=home, check=False, **given)
    assert done.returncode == 0, done.stderr
    return done.stdout


def served(python: Path, bundle: Path, *curl: str) -> Any:
    """What curl gets from ``archsmith serve`` in the bare environment."""
    command = [str(python), "-I", "-m", "archsmith", "serve", str(bundle), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        address = next(word for word in line.split() if word.startswith("http://")).rstrip("/")
        try:
            names = json.loads(_curl(f"{address}/v1/models"))
            name = re.search(r'"name":\s*"([^"]+)"', json.dumps(names))
            assert name, names
            return json.loads(_curl(*curl, f"{address}/v1/models/{name[1]}/predict"))
        finally:
            server.send_signal(signal.SIGTERM)


def _curl(*words: str) -> str:
    done = subprocess.run(["curl", "-sSf", "-m", "60", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def predicted(tab: Tab) -> str:
    """What stands at the place of the result."""
    tab.page.wait_for_selector("[data-result] > *")
    return str(tab.page.inner_text("[data-result]"))


def test_from_pictures_to_a_server(tab: Tab, bare: Path, tmp_path: Path) -> None:
    study = begin(tab, pictures(tmp_path))
    watch(tab, study)
    tab.page.set_input_files("[data-picture]", str(picture(tmp_path / "new.png", "orange", 99)))
    assert predicted(tab).lstrip().startswith("orange")
    bundle = take(tab, tmp_path / "taken")
    new = picture(tmp_path / "violet.png", "violet", 98)
    assert "violet" in run(bare, "-m", "archsmith", "predict", str(bundle), str(new))
    assert "violet" in json.dumps(served(bare, bundle, "-F", f"files=@{new}"))


def test_from_a_table_to_a_server(tab: Tab, bare: Path, tmp_path: Path) -> None:
    study = begin(tab, rows(tmp_path))
    watch(tab, study)
    page = tab.page
    page.get_by_role("textbox", name=re.compile("^age")).fill("70")
    page.get_by_role("combobox", name=re.compile("^town")).select_option(label="Bonn")
    page.get_by_role("button", name="Predict").click()
    assert predicted(tab).lstrip().startswith("yes")
    bundle = take(tab, tmp_path / "taken")
    (tmp_path / "new.csv").write_text("age,town,income\n70,Ulm,30\n20,Bonn,30\n", encoding="utf-8")
    said = run(bare, "-m", "archsmith", "predict", str(bundle), str(tmp_path / "new.csv"), cwd=tmp_path)
    written = said + "".join(path.read_text() for path in tmp_path.glob("*predict*.csv"))
    assert re.search(r"\byes\b", written) and re.search(r"\bno\b", written)
    asked = json.dumps({"examples": [{"age": 70, "town": "Ulm", "income": 30}]})
    answer = served(bare, bundle, "-H", "Content-Type: application/json", "-d", asked)
    assert "yes" in json.dumps(answer)


def test_a_study_outlives_the_app(chromium: Any, tmp_path: Path) -> None:
    """Killed in the middle, the app shows the same study when it is started again."""
    first = App(tmp_path / "workspace")
    context = chromium.new_context()
    context.set_default_timeout(SOON)
    tab = Tab(context.new_page(), first.address)
    study = begin(tab, rows(tmp_path))
    first.end(signal.SIGKILL)
    time.sleep(1)
    again = App(tmp_path / "workspace")
    try:
        tab = Tab(context.new_page(), again.address)
        tab.go(f"/studies/{study}")
        watch(tab, study)
    finally:
        context.close()
        again.end()
