"""The main road without a browser: upload pictures, check them, run a short study, try its model, take it home.

``tests/e2e`` goes the same way in a browser, and further.
"""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from starlette.testclient import TestClient

from archsmith.app.api.base import PREFIX, create
from archsmith.app.house import House
from archsmith.app.settings import AppSettings
from archsmith.bundle.predictor import Predictor

SECONDS = 20
PATIENCE = 240.0  # seconds for one step on a busy machine
COLOURS = {"green": (40, 180, 60), "orange": (240, 140, 20), "violet": (130, 60, 200)}


def picture(colour: tuple[int, int, int], seed: int) -> bytes:
    """A PNG of noise around one colour."""
    noise = np.random.default_rng(seed).normal(0, 30, (16, 16, 3))
    file = io.BytesIO()
    Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def pictures() -> bytes:
    """A zip with a folder for each class."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, colour in COLOURS.items():
            for i in range(40):
                made.writestr(f"{name}/{i}.png", picture(colour, sum(colour) + i))
    return file.getvalue()


class Road:
    """Asks the API, and fails with what it said."""

    def __init__(self, client: TestClient) -> None:
        self._client = client

    def ask(self, method: str, path: str, **given: Any) -> Any:
        answer = self._client.request(method, PREFIX + path, **given)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text[:1000]}"
        return answer

    def until(self, path: str, done: Callable[[Any], bool]) -> Any:
        """Ask again until it is ``done``."""
        end = time.monotonic() + PATIENCE
        while not done(found := self.ask("GET", path).json()):
            assert time.monotonic() < end, found
            time.sleep(0.25)
        return found


def test_from_pictures_to_a_bundle(tmp_path: Path) -> None:
    house = House(AppSettings(workspace=str(tmp_path / "workspace")))
    with TestClient(create(house)) as client:
        road = Road(client)
        data = road.ask("POST", "/data?name=colours.zip", content=pictures()).json()["id"]
        found = road.until(f"/data/{data}", lambda said: said["state"] != "checking")
        assert found["state"] == "ready" and found["facts"]["task"] == "classification"

        study = road.ask("POST", "/studies", json={"data": data, "seconds": SECONDS, "pretrained": False}).json()[
            "study"
        ]
        ended = road.until(f"/studies/{study}", lambda said: said["state"] not in ("new", "running"))
        assert ended["state"] == "finished", ended

        assert study in [model["id"] for model in road.ask("GET", "/models").json()["models"]]
        asked = {"content": picture(COLOURS["orange"], 7), "headers": {"content-type": "image/png"}}
        said = road.ask("POST", f"/models/{study}/predict", **asked).json()
        assert "orange" in str(said)

        (tmp_path / "bundle.zip").write_bytes(road.ask("GET", f"/models/{study}/files/bundle.zip").content)
    with zipfile.ZipFile(tmp_path / "bundle.zip") as packed:
        packed.extractall(tmp_path / "taken")
    (manifest,) = (tmp_path / "taken").rglob("manifest.json")
    (tmp_path / "new.png").write_bytes(picture(COLOURS["violet"], 8))
    assert list(Predictor(manifest.parent, threads=1).predict([tmp_path / "new.png"])) == ["violet"]
