"""The app, once for each process of tests: NiceGUI knows one set of pages in a process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("nicegui", reason="the extra 'app' is not installed")

from starlette.testclient import TestClient

from archsmith.app.house import House
from archsmith.app.run import NOT_KEPT, create
from archsmith.app.settings import AppSettings


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """The parts of the app, over a workspace of its own."""
    return House(AppSettings(workspace=str(tmp_path_factory.mktemp("workspace"))))


@pytest.fixture(scope="session")
def client(house: House) -> Iterator[TestClient]:
    """Asks API and pages, without the gate. What pages hold when they are sent is in the text of the answer."""
    os.environ[NOT_KEPT] = str(house.folder / "nicegui")
    with TestClient(create(house), raise_server_exceptions=False) as made:
        yield made


@pytest.fixture
def studies(house: House) -> Path:
    """The folder of studies."""
    house.workspace.studies.mkdir(parents=True, exist_ok=True)
    return house.workspace.studies
