"""The app, once for each process of tests: NiceGUI knows one set of pages in a process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nicegui", reason="the extra 'app' is not installed")

from fastapi import FastAPI
from starlette.testclient import TestClient

from archsmith.app.house import House
from archsmith.app.run import NOT_KEPT, create, guarded
from archsmith.app.settings import AppSettings

OUTSIDE = "http://127.0.0.1:8104"
Gated = Callable[..., TestClient]


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """The parts of the app, over a workspace of its own."""
    return House(AppSettings(workspace=str(tmp_path_factory.mktemp("workspace"))))


@pytest.fixture(scope="session")
def app(house: House) -> FastAPI:
    """API and pages, without the gate."""
    os.environ[NOT_KEPT] = str(house.folder / "nicegui")
    return create(house)


@pytest.fixture(scope="session")
def client(app: FastAPI) -> Iterator[TestClient]:
    """Asks API and pages, without the gate. What pages hold when they are sent is in the text of the answer."""
    with TestClient(app, raise_server_exceptions=False) as made:
        yield made


@pytest.fixture(scope="session")
def gated(app: FastAPI, client: TestClient) -> Gated:
    """``gated(token=...)``: asks the same app from outside, behind a gate with such settings."""

    def ask(**settings: Any) -> TestClient:
        gate = guarded(app, AppSettings(**settings))
        made = TestClient(gate, base_url=OUTSIDE, raise_server_exceptions=False, follow_redirects=False)
        made.portal = client.portal  # the app has one loop
        return made

    return ask


@pytest.fixture
def studies(house: House) -> Path:
    """The folder of studies."""
    house.workspace.studies.mkdir(parents=True, exist_ok=True)
    return house.workspace.studies
