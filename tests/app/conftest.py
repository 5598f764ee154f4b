"""The app, once for each process of tests: NiceGUI knows one set of pages in a process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nicegui", reason="the extra 'app' is not installed")

from fastapi import FastAPI
from starlette.testclient import TestClient

from archsmith.app.house import House
from archsmith.app.run import NOT_KEPT, create, guarded
from archsmith.app.settings import AppSettings
from archsmith.core.events import Event
from archsmith.core.records import Finished, Opened, Proposed, ProposedTrial, StudyRecord
from archsmith.core.trial import Outcome, Status
from archsmith.runtime.study_view import StudyView

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


# -- studies without a search ------------------------------------------------------------------------------------------

POOLED = {"objectives": [["accuracy", True]], "constraints": [], "fidelity": ["work", 1.0, 100.0]}
SEARCHED = {"objectives": [["accuracy", True]], "constraints": [], "fidelity": ["epochs", 1.0, 9.0]}
FIT = {"settings": {"data": "blots", "seconds": 60.0}, "findings": {"name": "blots"}}


def trial(
    number: int, score: float | None, x: object = 1, fidelity: float = 1.0, error: str = "Out of memory.", **more: Any
) -> list[Any]:
    """What the log says of one trial. ``score``: None for one that failed. ``more``: as ProposedTrial has it, and
    ``metrics`` and ``epochs`` of its outcome.
    """
    metrics, learnt = more.pop("metrics", {}), more.pop("epochs", None)
    outcome = (
        Outcome(Status.FAILED, {}, 1.0, error, "memory")
        if score is None
        else Outcome.success({"accuracy": score, **metrics}, 1.0, {} if learnt is None else {"epochs": learnt})
    )
    decisions = x if isinstance(x, dict) else {"x": x}
    return [Proposed((ProposedTrial(number, decisions, fidelity, **more),)), Finished(number, outcome)]


def viewed(*records: Any, problem: Mapping[str, Any] = POOLED, writer: bool = False, job: bool = True) -> StudyView:
    """A study that has logged these records, one a second. ``writer``: is it running?"""
    view = StudyView("blots-1", Path("blots-1"))
    began = StudyRecord(problem=problem, space={"type": "a"}, strategy={"type": "b"}, fit=FIT if job else {})
    for i, each in enumerate([began, Opened(1, "here", 60.0), *records]):
        for one in each if isinstance(each, list) else [each]:
            view.apply(Event(one.kind, one.to_data(), i, 1000.0 + i))
    view.writer = writer
    return view


@pytest.fixture
def view_of() -> Any:
    """See ``viewed``."""
    return viewed


@pytest.fixture
def tried() -> Any:
    """See ``trial``."""
    return trial
