"""The app, once for each process of tests: NiceGUI knows one set of pages in a process."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sqlite3
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("nicegui", reason="the extra 'app' is not installed")

from fastapi import FastAPI
from starlette.testclient import TestClient

from archsmith.analysis.comparison.compare import compare
from archsmith.analysis.comparison.page import write_comparison
from archsmith.app import checking, datasets, inspector
from archsmith.app.house import House
from archsmith.app.run import NOT_KEPT, create, guarded
from archsmith.app.settings import AppSettings
from archsmith.core.budget import Budget
from archsmith.core.events import Event
from archsmith.core.problem import Objective, Problem
from archsmith.core.records import Finished, Opened, Proposed, ProposedTrial, StudyRecord
from archsmith.core.trial import Outcome, Status
from archsmith.evaluators.cost import CostEvaluator
from archsmith.runtime.comparison import Comparison, Plan
from archsmith.runtime.search import Search
from archsmith.runtime.study_view import StudyView
from archsmith.spaces.nasnet import NasNet, NasNetScale
from archsmith.strategies.evolution import RegularizedEvolution
from archsmith.strategies.local import LocalSearch
from archsmith.strategies.random import RandomSearch
from archsmith.testing.toys import Flat, ToyEvaluator

OUTSIDE = "http://127.0.0.1:8104"
Gated = Callable[..., TestClient]

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
def app(house: House) -> FastAPI:
    """API and pages, without the gate."""
    os.environ[NOT_KEPT] = str(house.folder / "nicegui")
    return create(house)


@pytest.fixture(scope="session")
def client(app: FastAPI) -> Iterator[TestClient]:
    """Asks API and pages, without the gate. What pages hold when they are sent is in the text of the answer."""
    made = TestClient(app, raise_server_exceptions=False)
    with contextlib.ExitStack() as stack:
        with warnings.catch_warnings():  # at its start NiceGUI touches every object, those of torch that warn, too
            warnings.simplefilter("ignore")
            stack.enter_context(made)
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


def viewed(
    *records: Any,
    problem: Mapping[str, Any] = POOLED,
    writer: bool = False,
    job: bool = True,
    strategy: str = "race",
) -> StudyView:
    """A study that has logged these records, one a second. ``writer``: is it running?"""
    view = StudyView("blots-1", Path("blots-1"))
    began = StudyRecord(problem=problem, space={"type": "a"}, strategy={"type": strategy}, fit=FIT if job else {})
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


SPEED = {"step_seconds": 0.01, "batch_size": 32, "n_train": 500, "n_valid": 90, "n_test": 100, "n_threads": 1}


class Here:
    """Stands for the process that looks at data: the same work, in this process."""

    def __init__(self, verb: str, path: Path, output: int) -> None:
        self.verb, self.path = verb, path

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *raised: object) -> None:
        pass

    def communicate(self, timeout: float) -> tuple[str, str]:
        return json.dumps(inspector.wrong_with(self.path)), ""

    def wait(self, timeout: float | None = None) -> int:
        return inspector.check(self.path)

    def kill(self) -> None:
        pass


@pytest.fixture
def looking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Data are looked at in this process, without its limits, and the machine is not measured."""
    known = {"speed": SPEED, "families": 5, "elapsed": 2.0, "failure": "", "machine": ["Here."], "needs": ["Little."]}
    monkeypatch.setattr(inspector, "_limits", contextlib.nullcontext)
    monkeypatch.setattr(inspector, "_measured", lambda *found: known)
    monkeypatch.setattr(checking, "inspecting", Here)


@pytest.fixture
def checked(looking: None) -> Callable[[House, str], datasets.DataSet]:
    """Waits for the check of a data set, and returns it."""

    def wait(house: House, name: str) -> datasets.DataSet:
        for _ in range(6000):
            found = house.data.get(name)
            if found.state != datasets.CHECKING and name not in house.data.checks.looks:
                return found
            time.sleep(0.01)
        raise AssertionError(f"{name} is still being checked")

    return wait


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    """Forty small pictures of two classes in a zip."""
    rng, path = np.random.default_rng(0), tmp_path / "shapes.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for place in range(40):
            image = io.BytesIO()
            Image.fromarray(rng.integers(0, 255, (9, 9, 3), dtype=np.uint8)).save(image, "PNG")
            archive.writestr(f"{'round' if place % 2 else '<b>square'}/{place}.png", image.getvalue())
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Sixty rows of a number, a category, a text column with markup, and two columns that may be the target."""
    lines = ["size,<i>colour</i>,note,label,class"]
    for place in range(60):
        colour = ("red", "=1+1", "<script>")[place % 3]
        lines.append(f"{place * 1.5},{colour},text {place},{'yes' if place % 2 else 'no'},{'a' if place > 30 else 'b'}")
    path = tmp_path / "things.csv"
    path.write_text("\n".join(lines))
    return path


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


@pytest.fixture(scope="session")
def evolved(house: House) -> str:
    """The id of a study of networks that were made from one another: 12 trials, the smallest network wins."""
    space = NasNet(blocks=2, scale=NasNetScale(filters=4, cells=1))
    problem = Problem(space, (Objective("params", maximize=False),))
    store = house.workspace.create("evolved")
    Search(
        problem,
        RegularizedEvolution(population=4, sample_size=2),
        CostEvaluator(space),
        budget=Budget(trials=12),
        store=store,
    ).run()
    store.close()
    return store.folder.name


@pytest.fixture(scope="session")
def compared(house: House) -> str:
    """The name of a finished comparison of two strategies on a toy."""
    plan = Plan.of(
        Problem(Flat()),
        ToyEvaluator(),
        {"random": RandomSearch(), "local": LocalSearch()},
        runs=2,
        trials=6,
        title="toys",
    )
    comparison = Comparison(house.comparisons.folder / "toys", plan)
    comparison.run()
    write_comparison(compare(plan, comparison.runs()), plan, comparison.folder)
    return comparison.folder.name
