"""The app, once for each process of tests: NiceGUI knows one set of pages in a process."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nicegui", reason="the extra 'app' is not installed")

from starlette.testclient import TestClient

from archsmith.app.house import House
from archsmith.app.run import NOT_KEPT, create
from archsmith.app.settings import AppSettings
from archsmith.core.events import Event
from archsmith.core.records import Finished, Opened, Proposed, ProposedTrial, StudyRecord
from archsmith.core.trial import Outcome, Status
from archsmith.runtime.study_view import StudyView


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """The parts of the app, over a workspace of its own."""
    return House(AppSettings(workspace=str(tmp_path_factory.mktemp("workspace"))))


@pytest.fixture(scope="session")
def client(house: House) -> Iterator[TestClient]:
    """Asks API and pages, without the gate. What pages hold when they are sent is in the text of the answer."""
    os.environ[NOT_KEPT] = str(house.folder / "nicegui")
    made = TestClient(create(house), raise_server_exceptions=False)
    with contextlib.ExitStack() as stack:
        with warnings.catch_warnings():  # at its start NiceGUI touches every object, those of torch that warn, too
            warnings.simplefilter("ignore")
            stack.enter_context(made)
        yield made


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
