"""The app, once for each process of tests: NiceGUI knows one set of pages in a process."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nicegui", reason="the extra 'app' is not installed")

from starlette.testclient import TestClient

from archsmith.app.house import House
from archsmith.app.run import NOT_KEPT, create
from archsmith.app.settings import AppSettings

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
# Finished jobs, and where they lie: pictures with classes, pictures with a number, rows with classes
FINISHED = {"classes": "v1/classes", "numbers": "v1/numbers", "rows": "rows"}
MADE_AT = "/tmp/archsmith-fixture"  # studies keep absolute paths

Settle = Callable[[str, Path], str]


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """The parts of the app, over a workspace of its own."""
    return House(AppSettings(workspace=str(tmp_path_factory.mktemp("workspace"))))


@pytest.fixture(scope="session")
def client(house: House) -> Iterator[TestClient]:
    """Asks API and pages, without the gate. What pages hold when they are sent is in the text of the answer."""
    os.environ[NOT_KEPT] = str(house.folder / "nicegui")
    with warnings.catch_warnings():  # NiceGUI looks at every object there is, among them old names of torch
        warnings.simplefilter("ignore", FutureWarning)
        with TestClient(create(house), raise_server_exceptions=False) as made:
            yield made


@pytest.fixture
def in_app(client: TestClient) -> Callable[..., Any]:
    """``in_app(handler, event)`` is what a coroutine function of a page gives, run in the loop of the app. What runs in
    another loop is finished in the eyes of NiceGUI.
    """
    assert client.portal is not None
    return client.portal.call


@pytest.fixture
def studies(house: House) -> Path:
    """The folder of studies."""
    house.workspace.studies.mkdir(parents=True, exist_ok=True)
    return house.workspace.studies


@pytest.fixture(scope="session")
def settle() -> Settle:
    """``settle("rows", workspace)`` puts a copy of that finished study there, as if it had been made there; its id."""

    def settled(name: str, workspace: Path) -> str:
        source = FIXTURES / FINISHED[name]
        shutil.copytree(source, workspace, dirs_exist_ok=True)
        (study,) = (folder.name for folder in (source / "studies").iterdir())
        old, new = f"{MADE_AT}/{name}", json.dumps(str(workspace))[1:-1]
        log = sqlite3.connect(workspace / "studies" / study / "events.sqlite", isolation_level=None)
        (guard,) = log.execute("SELECT sql FROM sqlite_master WHERE name = 'events_are_final'").fetchone()
        log.execute("DROP TRIGGER events_are_final")
        log.execute("UPDATE events SET data = replace(data, ?, ?)", (old, new))
        log.execute(guard)
        log.close()
        return study

    return settled


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory, settle: Settle) -> dict[str, tuple[House, str]]:
    """A house for each of the finished studies, which is alone in it, and the id of the study. Tests only read them."""
    found = {}
    for name in FINISHED:
        workspace = tmp_path_factory.mktemp(name)
        found[name] = (House(AppSettings(workspace=str(workspace))), settle(name, workspace))
    return found
